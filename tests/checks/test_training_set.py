"""Each check of a training set fails on its own fault and names what is wrong; a sound set passes them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn.checks import event_log, fitted_model, future_leakage
from churn.checks import training_set as checks
from churn.checks.result import Check, stop_on_failure, table
from churn.errors import InvalidData
from churn.features import manifest
from churn.sources.contract import Source
from churn.training import dataset, estimators, labels

FEATURES = ["days_since_visit", "visit_count", "plan"]


def looked_at(rows: pd.DataFrame, split: str = "temporal", trusted: tuple[str, ...] = ()) -> list[Check]:
    return checks._of_rows(rows, features=FEATURES, split=split, trusted=list(trusted))


def failures(rows: pd.DataFrame, split: str = "temporal", trusted: tuple[str, ...] = ()) -> dict[str, str]:
    """What the checks that fail observed, by name."""
    return {c.name: c.observed for c in looked_at(rows, split, trusted) if not c.passed}


def test_a_sound_set_passes_every_check(training_set):
    found = looked_at(training_set)
    assert [] == [c.name for c in found if not c.passed]
    stop_on_failure(found, of="the training set")
    assert {"pass"} == set(table(found).outcome)


ERROR, WARNING = "error", "warning"
SOUND = [  # name, rule, what is observed of a sound set, level
    ("size", "at least 50 rows on each side", "600 training rows, 300 test rows", ERROR),
    ("both classes", "leavers and stayers on each side", "churn rate 49.5% in training, 53.7% in the test", ERROR),
    ("no duplicates", "one row a customer and snapshot", "0 repeated", ERROR),
    ("nothing from the future", "no feature is stamped after its snapshot", "1 ages looked at, none negative", ERROR),
    ("no date from the future", "no category is a date after its snapshot", "1 categories looked at", ERROR),
    ("no customer on both sides", "split: entity tests on other customers", "customer_id: 0 shared", ERROR),
    ("no constant feature", "a feature that never varies teaches nothing", "none", WARNING),
    ("missing values", "at most 95% of a feature may be null", "most: days_since_visit 10.6%", WARNING),
]


def test_every_check_states_its_rule_and_what_it_observed(training_set):
    apart = training_set.assign(customer_id=training_set.customer_id + training_set.part)
    found = looked_at(apart, split="entity")
    assert [(*check, True) for check in SOUND] == [(c.name, c.rule, c.observed, c.level, c.passed) for c in found]


def test_a_failed_check_states_the_same_rule(training_set):
    rows = training_set[:601].assign(
        churned=True, days_since_visit=-1.0, plan="2024-05-01", visit_count=np.nan, customer_id="ann"
    )
    found = looked_at(rows, split="entity")
    assert [(name, rule, level, False) for name, rule, _, level in SOUND] == [
        (c.name, c.rule, c.level, c.passed) for c in found
    ]


LABEL = {"rule": "event", "kind": "cancel", "horizon_days": 30}
SETTINGS = {"kinds_before": "2024-03-01", "windows_days": [7, 30], "recipe": "windows", "label": LABEL}


@pytest.fixture
def shop(built, log, state_folder) -> tuple[pd.DataFrame, dict, Source]:
    """A small shop's training set, the manifest of its features, and its log."""
    march, july, day = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC), timedelta(days=1)
    people = [(f"c{n:02}", march - (40 + n) * day, "gold" if n % 3 else "basic") for n in range(12)]
    visits = [(one, at + (1 + 3 * k) * day, "visit", n + k) for n, (one, at, _) in enumerate(people) for k in range(80)]
    events = [*visits, ("c00", march + 5 * day, "cancel", 1), ("c05", july + 5 * day, "cancel", 1)]
    made = built(events, people, snapshots=["2024-03-01", "2024-07-01"])
    source = Source(*log(events, people, ["plan"]), {}, None, ["plan"], {}, pd.DataFrame())
    rows = labels.build(source.events, source.customers, None, snapshots=list(made["snapshots"]), label=LABEL).execute()
    for view in manifest.views(made):
        tables = [pd.read_parquet(manifest.table_path(made, t, view)) for t in made["snapshots"]]
        rows = rows.merge(pd.concat(tables), on=["customer_id", "snapshot"])
    return dataset.typed(rows, made).assign(part=np.where(rows.snapshot < july, "train", "test")), made, source


def test_a_training_set_is_looked_at_in_itself_and_beside_its_label_its_store_and_each_column(shop):
    rows, made, source = shop
    settings = {"manifest": made, "source": source, "label": LABEL, "split": "entity", "trusted": ["visit_count"]}
    found = {c.name: c.outcome for c in checks.checks(rows, **settings)}
    more = [
        "labels known in time",
        "as the feature store has it",
        "no feature tells by itself",
        "no null tells by itself",
    ]
    assert [*(name for name, *_ in SOUND), *more] == list(found)
    assert ["pass"] * 2 == [found[name] for name in more[:2]]


def test_each_part_of_a_training_sets_checks_sees_its_own_fault(shop):
    rows, made, source = shop
    settings = {"manifest": made, "source": source, "label": LABEL, "split": "temporal", "trusted": []}
    changed = rows.assign(churned=~rows.churned, visit_count=rows.visit_count + 1, plan="2030-01-01")
    assert {"no date from the future", "labels known in time", "as the feature store has it"} <= {
        c.name for c in checks.checks(changed, **settings) if c.passed is False
    }
    assert "no date from the future" not in {
        c.name for c in checks.checks(changed, **settings | {"trusted": ["plan"]}) if c.passed is False
    }


def test_the_log_the_features_and_the_model_have_checks_of_their_own(con, shop):
    rows, made, source = shop
    names = [feature["name"] for feature in made["features"]]
    X, y = dataset.matrix(rows, "train", names)
    fitted = estimators.fit(X, y, model="logistic", settings={"C": 1.0}, seed=7)
    found = [
        *event_log.checks(source),
        *future_leakage.checks(con, source, made, **SETTINGS),
        *fitted_model.checks(fitted, rows, features=names),
    ]
    assert {
        "one spelling a customer": "pass", "one id a history": "pass", "events after sign-up": "pass",
        "times of their own": "not checked", "features defined in time": "pass", "future invariance": "pass",
        "prepared by training rows": "pass", "learnt from training rows": "pass",
        "within the training range": "not checked",
    } == {c.name: c.outcome for c in found}  # fmt: skip
    other = estimators.fit(X, 1 - y, model="logistic", settings={"C": 1.0}, seed=7)
    assert [True, False, None] == [c.passed for c in fitted_model.checks(other, rows, features=names)]


def test_too_few_rows_on_a_side_are_counted(training_set):
    assert {"size": "600 training rows, 49 test rows"} == failures(training_set[:649])
    assert {} == failures(training_set[:650])


def test_a_side_without_rows_fails(training_set):
    assert {"size", "both classes"} == set(failures(training_set[training_set.part == "train"]))


@pytest.mark.parametrize("churned", [True, False])
def test_one_class_only_is_told_with_the_churn_rate(training_set, churned):
    rows = training_set.assign(churned=training_set.churned.where(training_set.part == "train", churned))
    assert failures(rows)["both classes"].endswith(f"{churned:.1%} in the test")


def test_a_repeated_row_names_its_customer(training_set):
    rows = pd.concat([training_set, training_set.iloc[[5]]])
    assert {"no duplicates": "1 repeated, for example c005 at 2024-01-01"} == failures(rows)


def test_a_customer_twice_at_a_snapshot_is_repeated_whatever_the_features(training_set):
    rows = pd.concat([training_set, training_set.iloc[[5]].assign(plan="other")])
    assert {"no duplicates": "1 repeated, for example c005 at 2024-01-01"} == failures(rows)


def test_an_event_at_the_very_snapshot_is_not_past_it(training_set):
    rows = training_set.assign(days_since_visit=training_set.days_since_visit.where(training_set.index != 7, 0.0))
    assert {} == failures(rows)


def test_a_feature_from_after_the_snapshot_names_its_column_and_customer(training_set):
    rows = training_set.assign(days_since_visit=training_set.days_since_visit.where(training_set.index != 7, -1.5))
    said = (
        "days_since_visit reaches 1.5 days past its snapshot, for example c007 at 2024-01-01; a date that may rightly "
        "lie ahead: data.future_dates: [visit]"
    )
    assert {"nothing from the future": said} == failures(rows)


@pytest.mark.parametrize(
    ("word", "fails"),
    [
        ("2024-02-01", True), ("2024-02-01T00:00:00Z", True), ("2024-02-01 00:00:00", True), ("2024-02", True),
        ("2024-01-31", False), ("2024-01", False), ("2024-01-31T23:59:59+00:00", False), ("2024-02-30", False),
        ("2024", False), ("plan 2024-05-01", False), ("20240501", False),
    ],
)  # fmt: skip
def test_a_category_that_is_a_date_must_lie_before_the_snapshot(training_set, word, fails):
    rows = training_set.assign(plan=training_set.plan.where(training_set.index != 307, word))
    said = f"plan: customer c007 at 2024-02-01 has {word}; 1 customers have such a date"
    assert failures(rows) == ({"no date from the future": said} if fails else {})
    assert {} == failures(rows, trusted=("plan",))


def test_dates_written_in_several_ways_are_all_read_and_every_category_is_looked_at(training_set):
    written = np.where(training_set.index == 307, "2024-02-01T00:00:00Z", "2023-12-31")
    found = checks._of_rows(
        training_set.assign(since=written), features=["plan", "since"], split="temporal", trusted=[]
    )
    said = "since: customer c007 at 2024-02-01 has 2024-02-01T00:00:00Z; 1 customers have such a date"
    assert [said] == [c.observed for c in found if not c.passed]


def test_a_number_that_is_no_age_may_be_negative(training_set):
    assert {} == failures(training_set.assign(visit_count=-training_set.visit_count))


def test_a_customer_on_both_sides_fails_when_the_split_is_by_entity(training_set):
    said = failures(training_set, split="entity")
    times = "train at 2024-01-01, train at 2024-02-01, test at 2024-04-01"
    shared = f"customer_id: 300 shared, for example c000 ({times}), c001 ({times}), c002 ({times})"
    assert {"no customer on both sides": shared} == said
    apart = training_set.assign(customer_id=training_set.customer_id + training_set.part)
    assert {} == failures(apart, split="entity")


@pytest.mark.parametrize("value", ["basic", None])
def test_a_feature_that_never_varies_in_training_is_a_warning_that_names_it(training_set, value):
    rows = training_set.assign(plan=np.where(training_set.part == "train", value, training_set.plan))
    found = looked_at(rows)
    assert {"no constant feature": "plan"} == {c.name: c.observed for c in found if not c.passed}
    stop_on_failure(found, of="the training set")
    assert "warning" == table(found).set_index("check").outcome["no constant feature"]


def test_a_feature_that_is_known_of_some_only_does_vary(training_set):
    assert {} == failures(training_set.assign(plan=np.where(training_set.index % 2 == 0, "basic", None)))


def test_a_feature_that_is_nearly_always_null_is_a_warning_that_names_it(training_set):
    rows = training_set.assign(visit_count=training_set.visit_count.where(training_set.index % 30 == 0))
    assert {"missing values": "visit_count 96.7%"} == failures(rows)


def test_exactly_the_share_that_may_be_null_may_be(training_set):
    assert {} == failures(training_set.assign(visit_count=training_set.visit_count.where(training_set.index % 20 == 0)))


def test_several_features_without_use_are_named_one_after_the_other(training_set):
    empty = {name: training_set[name].where(training_set.index % 30 == 0) for name in ("visit_count", "plan")}
    assert {"missing values": "visit_count 96.7%, plan 96.7%"} == failures(training_set.assign(**empty))
    never = failures(training_set.assign(visit_count=1.0, plan="basic"))
    assert {"no constant feature": "visit_count, plan"} == never


def test_a_set_without_ages_has_none_from_the_future(training_set):
    found = checks._of_rows(training_set, features=["plan"], split="temporal", trusted=[])
    assert all(c.passed for c in found)


def test_a_failed_check_stops_the_run_in_one_line_with_every_fault(training_set):
    rows = pd.concat([training_set[:610], training_set[:1]])
    with pytest.raises(InvalidData) as caught:
        stop_on_failure(looked_at(rows), of="the training set")
    assert str(caught.value) == (
        "the checks of the training set fail: "
        "size: 601 training rows, 10 test rows (rule: at least 50 rows on each side); "
        "no duplicates: 1 repeated, for example c000 at 2024-01-01 (rule: one row a customer and snapshot)"
    )


def test_what_could_not_be_checked_neither_passes_nor_stops():
    unknown = Check("size", "large", None, "nothing to count")
    stop_on_failure([unknown], of="the input")
    assert ["not checked"] == list(table([unknown]).outcome)


def test_a_warning_that_fails_does_not_stop():
    warned = Check("size", "large", False, "small", level="warning")
    stop_on_failure([warned], of="the input")
    assert ["warning"] == list(table([warned]).outcome)


def test_the_table_shows_what_failed(training_set):
    shown = table(looked_at(training_set[:610]))
    assert ["check", "outcome", "observed", "rule"] == list(shown)
    assert shown.set_index("check").outcome["size"] == "FAIL"
