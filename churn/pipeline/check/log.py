"""The log as it was read: how its files are written, which rows can be used, when it begins and ends, and whether it
can be believed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from churn.checks import event_log, log_in_time, result
from churn.checks.result import Check
from churn.features import manifest
from churn.log import kept
from churn.params.schema import Params
from churn.pipeline import stage_parameters
from churn.pipeline.check.found import Found
from churn.sources.contract import Source
from churn.sources.snapshots import instant
from churn.training import labels


def of_log(found: Found, params: Params, source: Source) -> bool:
    """Rows of the table about an input that was read. Whether all horizons are closed in it."""
    _tables(found, params, source)
    closed = True
    if source.events is not None:
        begins = _span(found, params, source)
        told = "that of the last known snapshot ends on {}".format
        closed = found.look("horizon", lambda: all_closed(params, source), told, stage="features") is not None
        _reach(found, params, begins)
    checks = found.look("input", lambda: _checked(params, source), _passed, stage="features")
    for warning in result.warnings(checks or []):
        found.warn("input", warning)
    return closed


def _tables(found: Found, params: Params, source: Source) -> None:
    limit = getattr(params.data, "max_rejected", None)
    for row in source.inputs.to_dict("records"):
        found.ok(f"format of {row['table']}", f"{row['files']}: {row['written']}")
        share = row["set_aside"] / max(row["rows"] - row["passed_over_by_where"], 1)
        of = source.rejected[source.rejected.table == row["table"]]
        reasons = "; ".join(f"'{r.column}' {r.reason} ({r.rows:,})" for r in of.itertuples())
        passed = f", {row['passed_over_by_where']:,} passed over by where" if row["passed_over_by_where"] else ""
        allowed = "" if limit is None else f", the limit is {limit:.2%}"
        unusable = (
            f"; {row['set_aside']:,} cannot be used ({share:.2%}{allowed}): {reasons}" if row["set_aside"] else ""
        )
        found.ok(f"rows of {row['table']}", f"{row['rows']:,} read, {row['used']:,} used{passed}{unusable}")
    for note in source.notes:
        found.warn("note", note)


def _span(found: Found, params: Params, source: Source) -> date:
    """The day of the first event."""

    def look() -> list[str]:
        ends = source.events.aggregate(first=source.events["at"].min(), last=source.events["at"].max()).execute()
        return [f"{ends['first'][0]:%Y-%m-%d}", f"{ends['last'][0]:%Y-%m-%d}"]

    first, last = kept.of_staged(params, "ends", look)
    events, customers = source.counts["events"], source.counts["customers"]
    found.ok("log", f"{first} to {last}: {events:,} events of {customers:,} customers")
    return date.fromisoformat(first)


def _known(params: Params) -> list[str]:
    """The snapshots whose labels a run takes, as the features stage looks at them."""
    given = stage_parameters.OF_STAGE["features"](params, {})
    return [*given["history_snapshots"], *given["train_snapshots"], given["test_snapshot"]]


def all_closed(params: Params, source: Source) -> str:
    """When the last horizon ends. Raises InvalidData where the log does before."""
    known, horizon = _known(params), params.horizon_days
    labels.refuse_open_horizons(source.events, known, horizon, str(params.snapshots.as_of or ""))
    return f"{instant(max(known), days_before=-horizon):%Y-%m-%d}"


def _reach(found: Found, params: Params, begins: date) -> None:
    """A window in which somebody counts that begins before the log does."""
    days = getattr(params.label, "active_within_days", None)
    first = params.snapshots.train[0]
    if days and (known := (first - begins).days) < days:
        found.warn(
            "active window",
            f"at {first} only {known} of the {days} days in which somebody counts (label.active_within_days) lie in "
            f"the log, which begins on {begins}",
        )


def _checked(params: Params, source: Source) -> list[Check]:
    """The checks of the features stage; of the log alone they are kept. Raises InvalidData where one fails."""
    data = stage_parameters.input_of(params)

    def of_log_alone() -> list[dict]:
        return [asdict(c) for c in event_log.checks(source, case_sensitive=data.get("ids") == "case_sensitive")]

    given = stage_parameters.OF_STAGE["features"](params, {})
    previous = manifest.of_experiment(params.experiment)
    asked = {
        "train": given["train_snapshots"], "test": given["test_snapshot"], "serve": given["serve_snapshot"],
        "window_days": given["windows_days"][0], "label": given["label"], "as_of": given["as_of"], "data": data,
        "previous": previous and {name: previous.get(name) for name in ("experiment", "log")},
    }  # fmt: skip

    def in_time() -> list[dict]:
        return [asdict(check) for check in log_in_time.checks(source, **asked)]

    checks = kept.of_staged(params, "checks", of_log_alone)
    checks = [Check(**check) for check in checks + kept.of_staged(params, "in_time", in_time, also=asked)]
    result.stop_on_failure(checks, of="the input")
    return checks


def _passed(checks: list[Check]) -> str:
    outcomes = [check.outcome for check in checks]
    said = [f"{outcomes.count(o)} {o}" for o in ("pass", "warning", "not checked") if o in outcomes]
    return f"{len(checks)} checks: {', '.join(said)}"
