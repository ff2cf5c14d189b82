"""The schema of a params file: what it takes, and that every refusal is one line a fault, before anything runs."""

from __future__ import annotations

import copy
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.errors import InvalidParams
from churn.params.schema import Params, load
from churn.params.secrets import refuse
from churn.state import PROJECT

SHIPPED = sorted(PROJECT.glob("params/*.yaml"))
TREES = [yaml.safe_load(path.read_text()) for path in SHIPPED]
SMOKE, STREAMFLOW = (next(p for p in SHIPPED if p.stem == name) for name in ("smoke", "streamflow"))
EVENTS = "{source: events, path: x.csv, columns: {customer_id: who, at: day}, kind: purchase}"


def refusal(*overrides: str, path: Path = SMOKE) -> list[str]:
    """What is said of a params file with these overrides: a line a fault, without the file's name."""
    with pytest.raises(InvalidParams) as caught:
        load(path, list(overrides))
    lines = str(caught.value).splitlines()
    assert all(line.startswith((f"{path}: ", "--set ")) for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


@pytest.fixture
def written(tmp_path):
    """A params file with this text."""

    def _written(text: str | bytes) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _written


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_is_valid_and_named_after_its_experiment(path):
    assert path.stem.replace("-", "_") == load(path).experiment


def test_what_a_file_leaves_out_has_its_default(written):
    text = "experiment: mine\nseed: 1\ndata: {source: cdnow}\n" + (
        "label: {rule: inactivity, horizon_days: 30, active_within_days: 90}\n"
        "snapshots: {train: [1997-05-01], test: 1997-06-01, serve: 1998-01-01}\n"
    )
    found = load(written(text))
    assert (
        found.features.windows_days,
        found.train.split,
        found.train.model,
    ) == ([30, 90, 180], "temporal", "logistic")
    assert date(1997, 6, 1) == found.snapshots.test


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("expriment=x", "expriment: unknown key; did you mean experiment?"),
        ("train.modle=x", "train.modle: unknown key; did you mean train.model?"),
        ("train.logistic.c=1.0", "train.logistic.c: unknown key; valid: C"),
        ("data.custmers=5", "data.custmers: unknown key; did you mean data.customers?"),
        ("data.streaming=5", "data.streaming: unknown key; valid: source, customers, months, seed, breaks"),
        ("label.horizon=5", "label.horizon: unknown key; did you mean label.horizon_days?"),
        ("features.window_days=[7]", "features.window_days: unknown key; did you mean features.windows_days?"),
        (
            "evaluate.economics.contact_costs=1.0",
            "evaluate.economics.contact_costs: unknown key; did you mean evaluate.economics.contact_cost?",
        ),
        ("promote.rules.auc=0.5", "promote.rules.auc: unknown key; did you mean promote.rules.min_auc?"),
        ("serving.max_age=5", "serving.max_age: unknown key; did you mean serving.max_feature_age_days?"),
        (
            f"data={EVENTS[:-1]}, max_rejectd: 0.1}}",
            "data.max_rejectd: unknown key; did you mean data.max_rejected?",
        ),
        (
            "data={source: events, path: x, columns: {customer_id: a, at: b, knd: c}}",
            "data.columns.knd: unknown key; did you mean data.columns.kind?",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_valid_name_at_every_level(override, said):
    assert [said] == refusal(override)


def test_a_model_of_silence_takes_the_inactivity_rule_and_features_of_pace():
    rule = "label={rule: inactivity, horizon_days: 30, active_within_days: 90}"
    needs = "use logistic or hist_gradient_boosting"
    [line] = refusal("train.model=bg_nbd")
    assert line.startswith("train.model: bg_nbd tells how likely silence is") and line.endswith(f"rule event; {needs}")
    assert [
        "train.model: pareto_nbd learns from the features of pace; found features.recipe windows; use pace or both"
    ] == refusal("train.model=pareto_nbd", "features.recipe=windows", rule)
    assert load(SMOKE, ["train.model=bg_nbd", "features.recipe=both", rule]).train.model == "bg_nbd"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("promote.rules.baseline_margin=0.005",
         "promote.rules: baseline_margin is no longer a rule: log_loss (true) asks in its place"),
        ("promote.rules.max_calibration_error=0.08",
         "promote.rules: max_calibration_error is no longer a rule: max_level_error (0.05), slope ([0.8, 1.25]) and "
         "max_shape_error (0.03) ask in its place"),
        ("promote.advisory=[baseline_margin]",
         "promote.advisory: baseline_margin is no longer a rule: log_loss (true) asks in its place"),
        ("promote.advisory=[max_calibration_error]",
         "promote.advisory: max_calibration_error is no longer a rule: max_level_error (0.05), slope ([0.8, 1.25]) and "
         "max_shape_error (0.03) ask in its place"),
        ("promote.four_eyes=true",
         "promote: four_eyes asks for approval: required; found approval: automatic; set it, too"),
        ("promote.rules.slope=[1.25, 0.8]",
         "promote.rules.slope: needs its lowest below 1 and its highest above, for 1 is right; found [1.25, 0.8]"),
        ("promote.rules.slope=[0.8]", "promote.rules.slope: List should have at least 2 items after validation, not 1; "
         "found [0.8]"),
        ("evaluate.budget=0", "evaluate.budget: should be greater than or equal to 1; found 0"),
        ("evaluate.economics.saved_value={column: value_180d, margins: 0.3}",
         "evaluate.economics.saved_value.margins: unknown key; did you mean evaluate.economics.saved_value.margin?"),
    ],
)  # fmt: skip
def test_what_the_gate_no_longer_asks_and_what_it_cannot_ask_is_refused_with_the_remedy(override, said):
    assert [said] == refusal(override)


@pytest.mark.parametrize("rule", ["slope", "log_loss", "min_leavers", "best_margin"])
def test_a_rule_may_be_switched_off_by_null(rule):
    assert getattr(load(SMOKE, [f"promote.rules.{rule}=null"]).promote.rules, rule) is None


def test_the_value_of_a_saved_customer_is_a_number_or_a_column_with_a_margin():
    found = load(SMOKE, ["evaluate.economics.saved_value={column: value_180d, margin: 0.3}"]).evaluate.economics
    assert ("value_180d", 0.3) == (found.saved_value.column, found.saved_value.margin)
    assert 50.0 == load(SMOKE, ["evaluate.economics.saved_value=50"]).evaluate.economics.saved_value


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.model=logistc", "; found 'logistc'; did you mean logistic?"),
        ("train.split=entitty", "; found 'entitty'; did you mean entity?"),
        ("data.source=streming", "; found 'streming'; did you mean streaming?"),
        ("label.rule=inactivty", "; found 'inactivty'; did you mean inactivity?"),
        ("promote.approval=requird", "; found 'requird'; did you mean required?"),
    ],
)
def test_a_name_that_is_not_a_choice_is_refused_with_the_nearest_that_is(override, said):
    [line] = refusal(override)
    assert line.startswith(override.split("=")[0] + ": ") and line.endswith(said)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed=true", "seed: should be a valid integer; found True"),
        ("seed='7'", "seed: should be a valid integer; found '7'"),
        ("seed=7.0", "seed: should be a valid integer; found 7.0"),
        ("seed=-1", "seed: should be greater than or equal to 0; found -1"),
        ("train.logistic.C=true", "train.logistic.C: should be a valid number; found True"),
        ("train.logistic.C=strong", "train.logistic.C: should be a valid number; found 'strong'"),
        ("train.logistic.C=0", "train.logistic.C: should be greater than 0; found 0"),
        ("train.test_fraction=1", "train.test_fraction: should be less than 1; found 1"),
        ("train=logistic", "train: should be a valid dictionary or instance of Train; found 'logistic'"),
        ("features=null", "features: should be a valid dictionary or instance of Features; found None"),
        ("features.windows_days=7", "features.windows_days: should be a valid list; found 7"),
        ("features.windows_days=[7, 1.5]", "features.windows_days.1: should be a valid integer; found 1.5"),
        ("features.windows_days=[0]", "features.windows_days.0: should be greater than or equal to 1; found 0"),
        ("snapshots.test=soon", "snapshots.test: should be a valid date; found 'soon'"),
        ("snapshots.test=2023-07-01 12:00:00", "snapshots.test: should be a valid date; found 2023-07-01 12:00:00"),
        ("snapshots.test=2200-01-01", "snapshots.test: should be less than 2200-01-01; found 2200-01-01"),
        ("evaluate.economics.saved_value=.inf", "evaluate.economics.saved_value: should be a finite number; found inf"),
        ("evaluate.bootstrap=10", "evaluate.bootstrap: should be greater than or equal to 50; found 10"),
        ("promote.rules.min_auc=1.5", "promote.rules.min_auc: should be less than or equal to 1; found 1.5"),
        ("serving.as_of=1998-07-01", "serving.as_of: should be a valid datetime; found 1998-07-01"),
        ("data=cdnow", "data: should be a valid dictionary or object to extract fields from; found 'cdnow'"),
        ("data={customers: 5}", "data: needs 'source'; found {'customers': 5}"),
        (
            "experiment=Smoke",
            "experiment: String should match pattern '^[a-z][a-z0-9_]{0,39}$'; found 'Smoke'",
        ),
        ("experiment=runs", "experiment: 'runs' is a folder that all experiments share; choose another name"),
        ('experiment="smoke\\nrun"', r"found 'smoke\nrun'"),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_range_is_refused_with_what_was_found(override, said):
    [line] = refusal(override)
    assert line.endswith(said)


def test_a_number_in_scientific_notation_is_a_number():
    assert load(SMOKE, ["train.logistic.C=1e-3"]).train.logistic.C == 1e-3


@pytest.mark.parametrize("key", ["experiment", "seed", "data", "snapshots"])
def test_a_missing_section_is_named(written, key):
    tree = {name: value for name, value in TREES[SHIPPED.index(SMOKE)].items() if name != key}
    assert f"{key}: required, but missing" in refusal(path=written(yaml.safe_dump(tree)))


def test_every_fault_is_named_at_once():
    said = refusal("train.modle=x", "seed=-1", "data={source: streaming, months: 8, seed: 7}")
    assert [said[1], said[2][:11], said[0][:4]] == ["data.customers: required, but missing", "train.modle", "seed"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["snapshots.train=[2023-05-01, 2023-04-01]"],
            "snapshots: train must ascend without repeats; found ['2023-05-01', '2023-04-01']",
        ),
        (
            ["snapshots.train=[2023-05-01, 2023-05-01]"],
            "snapshots: train must ascend without repeats; found ['2023-05-01', '2023-05-01']",
        ),
        (
            ["snapshots.serve=2023-06-01"],
            "snapshots: serve must not lie before test; found serve 2023-06-01, test 2023-07-01",
        ),
        (
            ["snapshots.test=2023-04-01"],
            "snapshots: train snapshot 2023-05-01 must lie before the test snapshot 2023-04-01 when split is temporal",
        ),
        (
            ["features.windows_days=[30, 7]"],
            "features.windows_days: windows must ascend without repeats; found [30, 7]",
        ),
    ],
)
def test_dates_and_windows_out_of_order_are_refused(overrides, said):
    assert [said] == refusal(*overrides)


def test_a_label_that_is_not_known_before_the_test_snapshot_is_refused_with_the_first_date_that_is_fine():
    [line] = refusal("snapshots.test=2023-05-30")
    assert "2023-05-01 is known on 2023-05-31 (horizon 30 days), after the test snapshot 2023-05-30" in line
    assert line.endswith("move test to 2023-05-31 or later")
    assert date(2023, 5, 31) == load(SMOKE, ["snapshots.test=2023-05-31"]).snapshots.test


def test_a_split_by_entity_may_test_on_its_own_snapshot_and_a_temporal_one_may_not():
    own = "snapshots.test=2023-05-01"
    assert load(SMOKE, [own, "train.split=entity"]).train.split == "entity"
    assert "must lie before" in refusal(own)[0]
    assert "is known on" in refusal("snapshots.test=2023-05-15", "train.split=entity")[0]


def test_a_given_label_has_its_own_horizon():
    overrides = ["train.split=temporal", "snapshots.test=2024-02-29", "data.labels.horizon_days=30"]
    assert "2024-03-01 (horizon 30 days)" in refusal(*overrides, path=STREAMFLOW)[0]
    assert load(STREAMFLOW, [*overrides[:2], "data.labels.horizon_days=29"]).horizon_days == 29


def test_a_snapshot_for_which_tables_have_no_folder_is_refused():
    said = "data.snapshots: no folder for 2024-03-31; found 2024-01-31, 2024-02-29"
    assert [said] == refusal("snapshots.serve=2024-03-31", path=STREAMFLOW)


def test_a_line_break_in_a_value_breaks_no_line_of_the_refusal():
    said = r"data.snapshots: no folder for 2024-01-31, 2024-02-29; found \x85"
    assert [said] == refusal(r'data.snapshots={"\x85": data}', path=STREAMFLOW)


def test_a_label_must_fit_its_source():
    inactivity = "label={rule: inactivity, horizon_days: 30, active_within_days: 30}"
    assert refusal(inactivity, path=STREAMFLOW) == [
        "label: `source: tables` takes its own data.labels, no label section"
    ]
    assert "label: `source: streaming` takes a label section" in refusal("label={rule: given}")[0]


@pytest.mark.parametrize("way", ["epoch_s", "epoch_ms", "serial"])
def test_of_tables_a_count_is_a_date_only_where_its_column_is_named(way):
    named = f"{{dates: {{signup_date: {way}}}}}"
    said = f"data: format.dates: any whole number may be {way}; say of which column, as in {named[1:-1]}"
    assert [said] == refusal(f"data.format={{dates: {way}}}", path=STREAMFLOW)
    assert [said] == refusal(f"data.formats={{users: {{dates: {way}}}}}", path=STREAMFLOW)
    assert {"signup_date": way} == load(STREAMFLOW, [f"data.format={named}"]).data.format.dates


def test_a_format_of_a_table_that_is_not_there_is_refused():
    [line] = refusal("data.formats={user: {decimal: ','}}", path=STREAMFLOW)
    assert line.startswith("data: formats: there is no table 'user'; found users, subscriptions, ")


def test_a_kind_is_a_column_or_a_constant_not_both():
    both = "data={source: events, path: x, columns: {customer_id: a, at: b, kind: c}, kind: purchase}"
    assert refusal(both) == ["data: give data.kind (a constant) or data.columns.kind (a column), not both"]
    assert load(SMOKE, [f"data={EVENTS}"]).data.kind == "purchase"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 1\ntrain: {split: temporal\n", "line 3: not readable as YAML: "),
        ("seed: 1\n\ttrain: 2\n", "line 2: not readable as YAML: found character '\\t'"),
        ("seed: 1\nseed: 2\n", "line 1: not readable as YAML: repeated key 'seed'"),
        ("train:\n  split: entity\n  split: temporal\n", "line 2: not readable as YAML: repeated key 'split'"),
        ("seed: 1\ntest: 2023-02-30\n", "line 2: not readable as YAML: '2023-02-30' is not a timestamp (day"),
        ("a: &a [*a]\n", "line 1: not readable as YAML: *a is an alias; write the value itself"),
        ("a: 1\n---\nb: 2\n", "line 2: not readable as YAML: but found another document"),
        ("a: !!python/object:os.system x\n", "line 1: not readable as YAML: could not determine a constructor"),
        ("[" * 1500, "not readable as YAML: maximum recursion depth"),
        ("seed: !!bool maybe\n", "line 1: not readable as YAML: 'maybe' is not a bool"),
        ("seed: \x00\n", "not readable as YAML: unacceptable character"),
        ("", "a params file is a mapping of sections (experiment, seed, data, ...); found None"),
        (
            "- experiment\n",
            "a params file is a mapping of sections (experiment, seed, data, ...); found ['experiment']",
        ),
        (b"\x93NUMPY\xff\x00", "not a text file in UTF-8"),
    ],
)
def test_a_file_that_is_no_mapping_in_yaml_is_refused_with_the_line(written, text, said):
    [line] = refusal(path=written(text))
    assert line.startswith(said)


def test_a_missing_file_is_refused_with_the_nearest_that_exists(tmp_path):
    shutil.copy(SMOKE, tmp_path / "smoke.yaml")
    assert f"no such params file (No such file or directory); did you mean {tmp_path / 'smoke.yaml'}?" in refusal(
        path=tmp_path / "smok.yaml"
    )
    assert refusal(path=tmp_path / "nowhere" / "smoke.yaml") == ["no such params file (No such file or directory)"]
    assert refusal(path=tmp_path) == [f"is a folder; give a params file, such as {tmp_path / 'cdnow.yaml'}"]


@pytest.mark.parametrize("text", ["train.model", "=5", "train..model=x", ".seed=1", "", "train.=1"])
def test_a_set_without_key_and_value_is_refused(text):
    assert f"--set {text}: expected section.key=value, for example --set train.model=logistic" == refusal(text)[0]


def test_a_set_into_a_value_is_refused():
    assert refusal("seed.x=1") == ["--set seed.x=1: seed is a value, not a section"]
    assert refusal("snapshots.train.0=1") == ["--set snapshots.train.0=1: train is a value, not a section"]


def test_a_set_that_is_not_yaml_is_refused():
    assert refusal("train.model=[")[0].startswith("--set train.model=[: line 1: not readable as YAML: ")


def test_a_set_makes_the_section_that_a_file_leaves_out_and_the_last_one_counts(written):
    tree = {name: value for name, value in TREES[SHIPPED.index(SMOKE)].items() if name != "train"}
    path = written(yaml.safe_dump(tree))
    assert load(path, ["train.logistic.C=9.0", "train.logistic.C = 0.5"]).train.logistic.C == 0.5


SECRETS = [
    "postgresql://me:hunter2@db/x", "redis://:hunter2@cache", "host=db user=me password=hunter2", "password=hunter2",
    "https://h.example/a.csv?sv=1&sig=abc%2Fd", "https://h.example/a.csv?X-Amz-Signature=4f2a", "Bearer abcdefghij",
    "https://h.example/a.csv?token=abc", "https://h.example/a.csv?a=1&access_token=abc", "a;AccountKey=abc==",
    "AKIAABCDEFGHIJKLMNOP", "ASIAABCDEFGHIJKLMN2P", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "ghp_abcdefghijklmnopqrstuv", "github_pat_11ABCDEFG0abcdefghij", "glpat-abcdefghijklmnopqrst",
    "xoxb-123456789012-abcdef", "https://hooks.slack.com/services/T0/B0/x", "AIza" + "aB3_x" * 7,
    "sk_live_4eC39HqLyjWDarjt", "sk-" + "a1B2" * 12, "sk-proj-abcdefghijklmnopqrst", "hf_" + "aB" * 17,
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret[:12])
def test_a_secret_is_refused_by_its_shape_without_being_repeated(written, secret):
    text = f"experiment: mine\ndata:\n  source: events\n  path:\n  - '{secret}'\n"
    in_a_tree = f"data={{source: events, path: '{secret}', columns: {{customer_id: a, at: b}}}}"
    for said in (refusal(path=written(text)), refusal(f"data.path={secret}"), refusal(in_a_tree)):
        assert len(said) == 1 and "looks like a secret" in said[0]
        assert secret not in said[0] and "hunter2" not in said[0]


def test_a_secret_as_a_key_or_as_the_whole_file_is_not_repeated_either(written):
    for text in (f"data:\n  {SECRETS[10]}: 1\n", SECRETS[0], f"- {SECRETS[0]}"):
        [said] = refusal(path=written(text))
        assert "looks like a secret" in said and "AKIA" not in said and "hunter2" not in said


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "dbPassword", "PASSWD", "secret", "client_secret", "token", "accessToken", "api_key",
     "apikey", "API-KEY", "access_key", "private_key", "credential", "credentials", "auth", "authorization",
     "auth_token", "smtp_pass"],
)  # fmt: skip
def test_a_key_with_the_name_of_a_secret_is_refused_wherever_it_stands(written, name):
    for text in (f"{name}: hunter2", f"data: {{source: cdnow, {name}: hunter2}}", f"train: {{a: [{{{name}: null}}]}}"):
        [said] = refusal(path=written(text))
        assert f"{name}: has the name of a secret; " in said and "hunter2" not in said
    for override in (f"{name}=hunter2", f"data.{name}=hunter2", f"data.{name}.x=hunter2", f"data={{{name}: hunter2}}"):
        [said] = refusal(override)
        assert said.startswith("--set ") and "has the name of a secret" in said and "hunter2" not in said


def test_a_set_that_cannot_be_read_does_not_repeat_a_secret():
    for override in ("password:hunter2", f"{SECRETS[0]}", f"data.path=[{SECRETS[0]}", "seed.password=hunter2"):
        [said] = refusal(override)
        assert "secret; " in said and "hunter2" not in said


def test_the_refusal_of_a_secret_says_where_it_is_and_where_it_belongs(written):
    [said] = refusal(path=written("data: {path: 'redis://:hunter2@cache'}"))
    assert said.startswith("data.path: looks like a secret; ") and "keep it in the environment" in said


@pytest.mark.parametrize("value", [
    "token", "auth_method", "password_resets", "account key", "secret santa", "data/orders/*.parquet",
    "token=5/part.parquet", "data/token=abc/x.csv", "${ORDERS_DIR}/orders.csv", "postgresql://${USER}:${PASS}@db/x",
    "/srv/Data/2024/EXPORTS/CUSTOMERS/ORDERS/FULL/V2/A", "DataExport2024CustomersOrdersFullVersion2Final",
    "8f2e1c0a9b8f2e1c0a9b8f2e1c0a9b8f2e1c0a9b", "550e8400-e29b-41d4-a716-446655440000", "ASIAPACIFICCUSTOMERS",
    "sk-customer_transactions_2024-01.parquet", "risk_live_customers_2024_export_all", "http://host:8080/path@x",
])  # fmt: skip
def test_columns_paths_and_ids_are_no_secrets(value):
    columns = {"customer_id": value, "at": "token", "value": "password"}
    data = {"source": "events", "path": value, "columns": columns, "kind": "auth"}
    assert value == load(SMOKE, [f"data={yaml.safe_dump(data, default_flow_style=True, width=9999)}"]).data.path


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9), min_size=1, max_size=9),
       st.sampled_from(["/", "_", "-", "", "2024/", " "]))  # fmt: skip
def test_words_and_numbers_make_no_secret(words, between):
    for styled in (str.lower, str.title, str.upper):
        refuse(between.join(map(styled, words)), "")


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.text(max_size=5)
    | st.sampled_from(["logistic", "tables", "given", "events", "9999-12-31", 1e-3]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=4,
)


def places(node: object) -> list[tuple[dict | list, object]]:
    """Every (container, key) inside a tree."""
    pairs = list(node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else [])
    return [(node, key) for key, _ in pairs] + [place for _, inner in pairs for place in places(inner)]


@settings(deadline=None, max_examples=150)
@given(data=st.data(), tree=st.sampled_from(TREES))
def test_any_tree_is_taken_or_refused(data, tree, tmp_path_factory):
    tree = copy.deepcopy(tree)
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(tree)
        container, key = found[data.draw(st.integers(0, len(found) - 1))]
        change = data.draw(st.sampled_from(["replace", "remove", "rename"]))
        value = container.pop(key) if change != "replace" else None
        if change == "replace":
            container[key] = data.draw(JUNK)
        elif change == "rename" and isinstance(container, dict):
            container[data.draw(st.text(max_size=8))] = value
        if not tree:
            break
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True))
    taken_or_refused(path)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), text=st.sampled_from([path.read_text() for path in SHIPPED]))
def test_any_text_is_taken_or_refused(data, text, tmp_path_factory):
    start = data.draw(st.integers(0, len(text)))
    bits = st.sampled_from(
        [*list(":-{}[]&*!|>'\"\n\t #?,"), "!!map", "!!int", "!!timestamp", "<<: ", "? []\n", "&a ", "*a "]
    )
    text = text[:start] + "".join(data.draw(st.lists(bits, max_size=4))) + text[start + data.draw(st.integers(0, 9)) :]
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text)
    taken_or_refused(path)


def taken_or_refused(path: Path) -> None:
    try:
        assert isinstance(load(path), Params)
    except InvalidParams as error:
        assert all(line.startswith(f"{path}: ") and len(line) < 400 for line in str(error).splitlines())


@pytest.mark.parametrize(("section", "said"), [
    ("retrain.when=allways",
     "retrain.when: should be 'always', 'alarm' or 'never'; found 'allways'; did you mean always?"),
    ("retrain={when: {month: 3}}", "retrain.when.month: unknown key; did you mean retrain.when.months?"),
    ("retrain={when: {months: 0}}", "retrain.when.months: should be greater than or equal to 1; found 0"),
    ("score.control=1", "score.control: should be less than 1; found 1"),
])  # fmt: skip
def test_what_the_month_is_told_wrongly_is_named_by_its_key(section, said):
    with pytest.raises(InvalidParams) as refused:
        load(SMOKE, [section])
    assert f"{SMOKE}: {said}" in str(refused.value)


@pytest.mark.parametrize("when", ["always", "alarm", "never"])
def test_a_model_is_trained_again_always_or_as_the_rule_says(when):
    assert "always" == load(SMOKE).retrain.when
    assert when == load(SMOKE, [f"retrain.when={when}"]).retrain.when
    assert 3 == load(SMOKE, ["retrain={when: {months: 3}}"]).retrain.when.months
