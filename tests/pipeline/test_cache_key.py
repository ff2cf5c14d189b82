"""What a stage's key depends on: on everything that can change its result, and on nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from churn import profile, state
from churn.pipeline import cache_key


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A copy of the project that a test may change."""
    for name in ("churn", "feature_repo", "notebooks"):
        shutil.copytree(state.PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(state.PROJECT / "requirements.txt", tmp_path)
    monkeypatch.setattr(state, "PROJECT", tmp_path)
    for name, place in {"PACKAGE": "churn", "REPOSITORY": "feature_repo", "LOCK": "requirements.txt"}.items():
        monkeypatch.setattr(cache_key, name, tmp_path / place)
    monkeypatch.setitem(profile.FOLDERS, profile.DUCKDB, tmp_path / "feature_repo")
    return tmp_path


def parts(stage: str = "evaluate", parameters: dict | None = None, upstream: dict | None = None, inputs=None) -> dict:
    return cache_key.ingredients(
        stage, {"seed": 7} | (parameters or {}), upstream=upstream or {"train": "aa"}, inputs=inputs or {}
    )


def changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    return cache_key.differences(before, now)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_cell(project: Path, stage: str, change) -> None:
    path = project / "notebooks" / f"{stage}.ipynb"
    notebook = json.loads(path.read_text())
    change(notebook["cells"])
    path.write_text(json.dumps(notebook))


def test_equal_parts_have_equal_keys_whatever_their_order():
    assert cache_key.key({"a": "1", "b": "2"}) == cache_key.key({"b": "2", "a": "1"})
    assert cache_key.key({"a": "1"}) != cache_key.key({"a": "2"})


def test_a_changed_line_of_the_notebook_is_named(project):
    before = parts()
    edit_cell(project, "evaluate", lambda cells: cells[-1]["source"].append("\n1 + 1"))
    assert ["notebook has changed"] == changed(before, parts())


@pytest.mark.parametrize("cosmetic", [
    lambda cells: cells[-1]["source"].append("\n\n"),
    lambda cells: cells[-1].update(execution_count=12, outputs=[{"output_type": "stream", "text": "x"}]),
    lambda cells: cells[-1].update(source=[line.replace("\n", "  \n") for line in cells[-1]["source"]]),
    lambda cells: cells.append({"cell_type": "markdown", "metadata": {}, "source": ["\n"]}),
], ids=["blank lines at a cell's end", "outputs", "trailing spaces", "an empty cell"])  # fmt: skip
def test_cosmetic_changes_of_a_notebook_change_nothing(project, cosmetic):
    before = parts()
    edit_cell(project, "evaluate", cosmetic)
    assert [] == changed(before, parts())


def test_another_stages_notebook_changes_nothing(project):
    before = parts()
    edit_cell(project, "train", lambda cells: cells[-1]["source"].append("\n1 + 1"))
    assert [] == changed(before, parts())


def test_a_module_that_the_notebook_uses_is_named(project):
    before = parts()
    edit(project / "churn/evaluation/metrics.py", "import numpy as np", "import numpy as np\n\nCHANGED = 1")
    assert ["module churn/evaluation/metrics.py has changed"] == changed(before, parts())


def test_a_module_that_is_used_by_a_used_one_counts(project):
    before = parts("train")
    edit(project / "churn/errors.py", "exit_code = 1", "exit_code = 3")
    assert ["module churn/errors.py has changed"] == changed(before, parts("train"))


def test_a_package_whose_modules_are_found_by_name_counts_as_a_whole(project):
    before = parts("features")
    edit(project / "churn/sources/readers/tables.py", "\n\n\n", "\n\n\nCHANGED = 1\n\n\n")
    assert ["module churn/sources/readers/tables.py has changed"] == changed(before, parts("features"))


@pytest.mark.parametrize(("stage", "told"), [
    ("evaluate", ["module churn/reports/plots/ranking.py has changed"]),
    ("features", []), ("train", []), ("promote", []),
])  # fmt: skip
def test_a_figure_counts_where_it_is_drawn(project, stage, told):
    before = parts(stage)
    edit(project / "churn/reports/plots/ranking.py", "\n\n\n", "\n\n\nCHANGED = 1\n\n\n")
    assert told == changed(before, parts(stage))


@pytest.mark.parametrize(
    "module",
    [
        "registry/gate",
        "training/estimators",
        "evaluation/metrics",
        "evaluation/comparison",
        "registry/versions",
        "registry/decisions",
    ],
)
def test_what_judges_a_model_is_no_part_of_the_features(project, module):
    before = parts("features")
    edit(project / f"churn/{module}.py", "\n\n\n", "\n\n\nCHANGED = 1\n\n\n")
    assert [] == changed(before, parts("features"))


def test_the_feature_repository_counts_where_the_store_is_used(project):
    before = parts("features")
    edit(project / "feature_repo/feature_store.yaml", "project:", "# a line\nproject:")
    assert ["module feature_repo/feature_store.yaml has changed"] == changed(before, parts("features"))


def test_comments_layout_and_docstrings_of_a_module_change_nothing(project):
    before = parts()
    edit(project / "churn/evaluation/metrics.py", '"""', '"""Other words. ')
    edit(project / "churn/evaluation/metrics.py", "import numpy as np", "import numpy as np  # a comment\n\n\n")
    assert [] == changed(before, parts())


def test_a_module_that_the_stage_does_not_use_changes_nothing(project):
    before = parts("features")
    edit(project / "churn/audit/doctor.py", "\n\n\n", "\n\n\nCHANGED = 1\n\n\n")
    assert [] == changed(before, parts("features"))


def test_a_parameter_is_named_with_both_values(project):
    one, two = parts(parameters={"model": "logistic"}), parts(parameters={"model": "hist_gradient_boosting"})
    assert ['parameter model: "logistic" -> "hist_gradient_boosting"'] == changed(one, two)


def test_of_a_section_the_value_that_differs_is_named():
    one, two = ({"data": {"path": name, "columns": {"at": "date", "value": "x" * 80}}} for name in ("a.csv", "b.csv"))
    told = changed(parts(parameters=one), parts(parameters=two))
    assert ['parameter data.path: "a.csv" -> "b.csv"'] == told


def test_of_a_section_every_value_that_differs_is_named():
    one = {"data": {"path": "a.csv", "columns": {"at": "date"}, "kind": "buy"}}
    two = {"data": {"path": "a.csv", "columns": {"at": "day"}, "where": "x > 0"}}
    assert [
        'parameter data.columns.at: "date" -> "day"', 'parameter data.kind: "buy" -> null',
        'parameter data.where: null -> "x > 0"',
    ] == changed(parts(parameters=one), parts(parameters=two))  # fmt: skip


@pytest.mark.parametrize(("one", "two"), [
    (["2023-01-01"] * 20, [*["2023-01-01"] * 19, "2024-07-01"]), ("/a" * 50 + "2023", "/a" * 50 + "2024"),
    ("x", "y" * 99), ("x" * 80, "x" * 90),
])  # fmt: skip
def test_of_long_values_what_differs_is_seen(one, two):
    [told] = changed(parts(parameters={"given": one}), parts(parameters={"given": two}))
    before, now = told.removeprefix("parameter given: ").split(" -> ")
    assert before != now and len(told) < 160


def test_parameters_come_first_and_modules_last():
    before = {"module churn/a.py": "1", "notebook": "1", "parameter seed": "1", "input log": "1", "stage train": "1"}
    now = dict.fromkeys(before, "2")
    assert ["parameter", "input", "notebook", "stage", "module"] == [
        told.split()[0].rstrip(":") for told in cache_key.differences(before, now)
    ]


def test_the_run_that_a_stage_logs_to_is_no_part(project):
    assert [] == changed(parts(parameters={"run_id": "a"}), parts(parameters={"run_id": "b"}))


def test_a_stage_before_it_is_named(project):
    assert ["stage train has changed"] == changed(parts(), parts(upstream={"train": "bb"}))


def test_the_lock_is_named(project):
    before = parts()
    (project / "requirements.txt").write_text("numpy==0")
    assert ["lock has changed"] == changed(before, parts())


def test_an_input_counts_by_its_content_not_by_its_date(project, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("a,1.00\n")
    before = parts("features", inputs={"log.csv": log})
    log.write_text("a,1.00\n")
    assert [] == changed(before, parts("features", inputs={"log.csv": log}))
    log.write_text("a,1.01\n")
    assert ["input log.csv has changed"] == changed(before, parts("features", inputs={"log.csv": log}))


def test_a_new_file_among_the_inputs_is_named(project, tmp_path):
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("a")
    two.write_text("b")
    before = parts("features", inputs={"1.csv": one})
    assert ["input 2.csv is new"] == changed(before, parts("features", inputs={"1.csv": one, "2.csv": two}))


@pytest.mark.parametrize(("file", "told"), [
    ("churn/evaluation/metrics.py", ["churn/evaluation/metrics.py"]),
    ("churn/audit/doctor.py", []),
    ("notebooks/evaluate.ipynb", ["notebooks/evaluate.ipynb"]),
    ("notebooks/train.ipynb", []),
    ("requirements.txt", ["requirements.txt"]),
])  # fmt: skip
def test_a_file_that_changes_while_its_stage_runs_is_noticed(project, file, told):
    seen, made = cache_key.watch([]), parts()
    text = (project / file).read_text()
    (project / file).write_text(text.replace("auc", "AUC") if file.endswith("ipynb") else f"{text}\n# more\n")
    assert told == cache_key.changed_since(seen, "evaluate", made)


def test_an_input_that_is_replaced_while_it_is_read_is_noticed_by_the_features_alone(project, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("a,1.00\n")
    seen, made = cache_key.watch([log]), {stage: parts(stage) for stage in ("features", "train")}
    log.unlink()
    log.write_text("b,2.00\n")
    assert ["log.csv"] == cache_key.changed_since(seen, "features", made["features"])
    assert [] == cache_key.changed_since(seen, "train", made["train"])
