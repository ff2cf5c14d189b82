"""Whether a feature sees what nobody could know at its snapshot, by computing it again from logs with another future.

A sample of customers is computed by the definition that made the feature tables, from the logs of
counterfactual_logs.py. All must give exactly what was written, so that a look of a microsecond ahead is seen even where
nobody acted in it. DuckDB computes them: what Spark has written is held against another engine in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn import engine
from churn.checks import counterfactual_logs
from churn.checks.counterfactual_logs import Log
from churn.checks.result import Check
from churn.features import manifest as manifests
from churn.features.definitions import from_events, terms
from churn.sources.contract import known_at
from churn.sources.snapshots import instant, moment
from churn.training import sampling

if TYPE_CHECKING:
    from churn.sources.contract import Source

NAME, SAME = "future invariance", "a feature stays the same whatever becomes known from its snapshot on"
DEFINED, IN_TIME = (
    "features defined in time",
    "which features there are follows from the log before the last train snapshot",
)
READY_MADE = "the features came ready-made: there is no log to compute them from again"
CUSTOMERS = 500
# the logs; the first tells why one of the others differs
AS_IT_IS, TRUNCATED, OTHER_FUTURE = "as it is", "truncated", "other future"


def checks(
    con,
    source: Source,
    manifest: dict,
    *,
    kinds_before: str,
    windows_days: list[int],
    recipe: str,
    label: dict,
    passed_over: Iterable[str] = (),
) -> list[Check]:
    """Which features there are, and their values for CUSTOMERS customers at every snapshot of the manifest, but for
    those `passed_over`: the same definition made them."""
    if source.events is None:
        return [Check(DEFINED, IN_TIME, None, READY_MADE), Check(NAME, SAME, None, READY_MADE)]
    given = {"before": kinds_before, "windows_days": windows_days, "recipe": recipe, "label": label}
    given["earliest"] = min(manifest["snapshots"])
    return [
        _defined(manifest, kinds_before, terms.settings(_with_later_kinds(source, kinds_before), **given)),
        _same_values(engine.beside(con), source, manifest, terms.settings(source, **given), passed_over),
    ]


def _with_later_kinds(source: Source, before: str) -> Source:
    """The log, where all that is known from a snapshot on is of a kind that nobody knew before; and where rows arrive
    late, it happened long before all others."""
    events = source.events
    later = known_at(events) >= moment(before)
    other = {"kind": ibis.ifelse(later, ibis.literal("of the future"), events.kind)}
    if "arrived_at" in events.columns:
        other["at"] = ibis.ifelse(later, moment("1900-01-01"), events["at"])
    return replace(source, events=events.mutate(**other))


def _defined(manifest: dict, before: str, settings: dict) -> Check:
    recorded = {f["name"] for f in manifest["features"]}
    in_time = {f.name for f in from_events.described(**settings)}
    if recorded == in_time:
        kinds = ", ".join(settings["kinds"])
        return Check(
            DEFINED, IN_TIME, True, f"{len(recorded)} features, of the kinds {kinds}, all seen before {before}"
        )
    names = ", ".join(sorted(recorded - in_time)[:3]) or "a column for each kind of event that is new then"
    return Check(DEFINED, IN_TIME, False, f"what becomes known from {before} on decides whether there is {names}")


def _same_values(con, source: Source, manifest: dict, settings: dict, passed_over: Iterable[str]) -> Check:
    people, events = _sample(source)
    snapshots = [t for t in manifest["snapshots"] if t not in passed_over]
    differences = [
        table for snapshot in snapshots for table in _differences_at(con, people, events, manifest, snapshot, settings)
    ]
    if differences:
        return Check(NAME, SAME, False, _described(pd.concat(differences, ignore_index=True), of=len(people)))
    looked_at = f"{len(people):,} customers at {len(snapshots)} snapshots"
    return Check(NAME, SAME, True, f"{looked_at}, {len(manifest['features'])} features: equal to the last bit")


def _sample(source: Source) -> tuple[pa.Table, pa.Table]:
    """Some customers, the same in every run, and their events."""
    chosen = sampling.first(source.customers.select("customer_id"), CUSTOMERS).cache()
    tables = [table.semi_join(chosen, "customer_id").to_pyarrow() for table in (source.customers, source.events)]
    people, events = [t.sort_by([(name, "ascending") for name in t.column_names]) for t in tables]
    return people, events


def _differences_at(
    con, people: pa.Table, events: pa.Table, manifest: dict, snapshot: str, settings: dict
) -> Iterator[pd.DataFrame]:
    """What differs at one snapshot, a table for each log by which something does: see `_differences`."""
    t, label = instant(snapshot), settings["label"]
    own = [label["kind"]] if label["rule"] == "event" else []  # no feature is made of it, and it decides who counts
    logs = {
        AS_IT_IS: counterfactual_logs.as_it_is(people, events, t),
        TRUNCATED: counterfactual_logs.truncated_at(people, events, t),
        OTHER_FUTURE: counterfactual_logs.with_other_future(people, events, t, [*settings["kinds"], *own]),
    }
    written = _written(manifest, snapshot, people["customer_id"].to_pylist())
    for log, computed in _computed(con, logs, snapshot, settings).items():
        differences = _differences(written, computed)
        if len(differences):
            yield differences.join(logs[log].next_known, on="customer_id").assign(snapshot=snapshot, log=log)


def _computed(con, logs: dict[str, Log], snapshot: str, settings: dict) -> dict[str, pd.DataFrame]:
    """The features of each log, by the definition that made the tables: one row a customer.

    In one computation, where the customer of one log is another person than that of the other.
    """
    tables = {}
    with TemporaryDirectory() as folder:
        for name in ("events", "people"):
            path = Path(folder, f"{name}.parquet")
            pq.write_table(pa.concat_tables(_renamed(getattr(log, name), of) for of, log in logs.items()), path)
            tables[name] = engine.read_parquet(con, path)
        views = from_events.views(tables["events"], tables["people"], snapshot=snapshot, **settings)
        wide = _wide([view.execute() for view in views.values()])
    of, customer = (wide.index.str.split(":", n=1).str[part] for part in (0, 1))
    return {log: wide.set_axis(customer)[of == log] for log in logs}


def _renamed(table: pa.Table, log: str) -> pa.Table:
    ids = pc.binary_join_element_wise(log, table["customer_id"], ":")
    return table.set_column(table.schema.get_field_index("customer_id"), "customer_id", ids)


def _written(manifest: dict, snapshot: str, customers: list[str]) -> pd.DataFrame:
    paths = [manifests.table_path(manifest, snapshot, view) for view in manifests.views(manifest)]
    return _wide([engine.frame(path, filters=[("customer_id", "in", customers)]) for path in paths])


def _wide(views: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([view.set_index("customer_id").drop(columns="snapshot") for view in views], axis=1).sort_index()


def _differences(written: pd.DataFrame, computed: pd.DataFrame) -> pd.DataFrame:
    """Columns customer_id, feature, written, computed: one row a value that differs, or a customer that is in one."""
    if written.equals(computed):
        return pd.DataFrame()
    rows = pd.DataFrame({"written": written.index.to_series(), "computed": computed.index.to_series()})
    in_both = rows.notna().all(axis=1)
    both = rows.index[in_both]
    tables = [rows[~in_both].where(rows.isna(), "a row").assign(feature="row")]
    for name in written.columns.intersection(computed.columns):
        pair = pd.DataFrame({"written": written.loc[both, name], "computed": computed.loc[both, name]}, dtype=object)
        differs = (pair.written != pair.computed) & ~(pair.written.isna() & pair.computed.isna())
        tables.append(pair[differs].assign(feature=name))
    return pd.concat(tables).rename_axis("customer_id").reset_index()


def _described(differences: pd.DataFrame, *, of: int) -> str:
    """The columns that differ, and the customer who shows best how far ahead they look."""
    telling = next(log for log in (AS_IT_IS, TRUNCATED, OTHER_FUTURE) if (differences.log == log).any())
    by_log = differences[differences.log == telling]
    shown = by_log[by_log.snapshot == by_log.snapshot.min()]
    worst = shown.sort_values("known_at", ascending=False, kind="stable").iloc[0]
    others = [name for name in differences.feature.unique() if name != worst.feature]
    listed = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
    also = f" (and {len(others)} more: {listed})" if others else ""
    return (
        f"{worst.feature}{also} at {worst.snapshot}: customer {worst.customer_id} has {_value(worst.written)} in the "
        f"feature table and {_value(worst.computed)} from {_source(worst)}; "
        f"{shown.customer_id.nunique():,} of {of:,} customers differ"
    )


def _source(worst: pd.Series) -> str:
    """The log that gives another value, with the event that makes the difference."""
    if worst.log == AS_IT_IS:
        return "their own events as of then: it is of other customers, of another date, or was changed since"
    if pd.isna(worst.known_at):
        return "the log without customers who sign up later"
    event = f"{worst['at']:%Y-%m-%d %H:%M:%S.%f}"
    event += f" that arrived at {worst.known_at:%Y-%m-%d %H:%M:%S.%f}" if worst.known_at > worst["at"] else ""
    if worst.log == TRUNCATED:
        return f"the log as it was known before; the first event known from then on is of {event}"
    return f"a log with another future, whose first event is of {event}"


def _value(value: object) -> str:
    return "nothing" if pd.isna(value) else repr(value) if isinstance(value, str) else f"{value:.10g}"
