"""Every customer of the population at a snapshot, by one version, in batches of a bounded size: from feature tables to
a list of customers, most to gain first.

Each probability is to the last bit what `POST /predict` answers from the online store, and whom it would refuse, the
list leaves out: one rule for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq
from ibis.expr.types import Table

from churn import engine
from churn.evaluation import profit
from churn.features import manifest as manifests
from churn.registry.versions import Loaded
from churn.scoring import compiled, control, lists
from churn.scoring.reasons.explainer import Explainer, explainer

ROWS_AT_ONCE = 16_384
MEMORY = "256MB"  # of the engine's for joining and sorting; what takes more goes to disk
WHOLE = "in every view"
MISSING = "missing-features"  # as /predict calls it
SCORED = pa.schema(
    [("customer_id", pa.string()), ("probability", pa.float64()), ("flagged", pa.bool_()),
     ("expected_profit", pa.float64()), *((name, pa.string()) for name in lists.REASONS), ("drawn", pa.float64())]
)  # fmt: skip
LISTED = pa.schema(
    [("customer_id", pa.string()), ("probability", pa.float64()), ("decile", pa.int64()), ("flagged", pa.bool_()),
     ("expected_profit", pa.float64()), ("version", pa.int64()), ("snapshot", pa.string()), ("group", pa.string()),
     *((name, pa.string()) for name in lists.REASONS)]
)  # fmt: skip


@dataclass(frozen=True)
class Terms:
    """What a list follows from beside the features: as `list.json` tells it. `level` in log-odds."""

    snapshot: str
    level: float
    threshold: float | None
    economics: dict | None
    key: bytes
    share: float
    budget: int | None


@dataclass
class Counts:
    """How many customers were scored, flagged and in each group, and how many were left out, by reason."""

    customers: int = 0
    flagged: int = 0
    contact: int = 0
    control: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


def write_list(loaded: Loaded, manifest: dict, terms: Terms, folder: Path) -> Counts:
    """Write the list's rows into a folder, as Parquet and CSV; returns how many there are of each kind."""
    con, own = engine.connect(), engine.embedded(threads=1)
    own.raw_sql(f"SET memory_limit = '{MEMORY}'")
    con = own if con.name == own.name else con  # the rows in their order, on one thread
    everybody = customers(con, manifest, terms.snapshot, loaded.columns)
    score = Scoring.by(loaded, terms)
    engine.write_mapped(con, everybody, score, SCORED, scored := folder / "scored.parquet", rows_at_once=ROWS_AT_ONCE)
    rows, counts = engine.read_parquet(own, scored), Counts()
    counts.customers = int(rows.probability.count().execute())
    if lost := int(rows.count().execute()) - counts.customers:
        counts.left_out[MISSING] = lost
    ranked = _ranked(rows.filter(rows.probability.notnull()), counts.customers)
    with _writers(folder) as write:
        for batch in engine.batches(own, ranked, ROWS_AT_ONCE):
            write(_grouped(batch, loaded.version.version, terms, counts))
    own.disconnect()
    scored.unlink()
    return counts


def customers(con: ibis.BaseBackend, manifest: dict, snapshot: str, columns: list[str]) -> Table:
    """The features of everybody who counts at a snapshot: customer_id, the columns, and WHOLE: each view knows them.

    Tables of one log hold the same customers in the same order, and lie side by side; others are matched.
    """
    population = manifest.get("population", {})
    beside = [population["counts"]] if population else []
    parts = {}
    for view, listed in manifests.views(manifest).items():
        table = engine.read_parquet(con, manifests.table_path(manifest, snapshot, view))
        named = [_plain(table[f["name"]]).name(f["name"]) for f in listed if f["name"] in columns]
        counts = beside if view == population.get("view") else []
        parts[view] = table.select("customer_id", *counts, *named, ibis.literal(True).name(f"in {view}"))
    rows = _side_by_side(list(parts.values())) if con.name == "duckdb" else None  # a cluster's rows have no order
    rows = _matched(parts, population.get("view")) if rows is None else rows
    whole = ibis.and_(*(rows[f"in {view}"].fill_null(False) for view in parts))
    counted = rows.filter(rows[population["counts"]] == 1) if population else rows
    return counted.select("customer_id", *columns, whole.name(WHOLE))


def _side_by_side(parts: list[Table]) -> Table | None:
    """Row by row, which takes no memory; None where the customers of some row differ."""
    first, *others = parts
    ids, *more = [part.select("customer_id") for part in parts]
    for other in others:
        first = first.join(other, how="positional").drop("customer_id_right")
    for number, other in enumerate(more):
        ids = ids.join(other.rename(**{f"c{number}": "customer_id"}), how="positional")
    differ = [~ids.customer_id.identical_to(ids[name]) for name in ids.columns[1:]]
    return first if not differ or ids.filter(ibis.or_(*differ)).count().execute() == 0 else None


def _matched(parts: dict[str, Table], everybody: str | None) -> Table:
    """By customer. One view may hold `everybody`; ready-made tables each hold whom they like."""
    ids = [part.select("customer_id") for view, part in parts.items() if everybody in (None, view)]
    people = ibis.union(*ids, distinct=True) if len(ids) > 1 else ids[0]
    for part in parts.values():
        people = people.left_join(part, "customer_id").drop("customer_id_right")
    return people


def _plain(column: ibis.Column) -> ibis.Column:
    """As the model takes it: a number is a float, and nan where there is none; online a nan is no number either."""
    return column if column.type().is_string() else column.cast("float64").fill_null(float("nan"))


@dataclass(frozen=True)
class Scoring:
    """What becomes of a batch of customers with their features: SCORED, whose probability is null for whoever cannot be
    scored. Workers of a cluster are sent it."""

    score: compiled.Scorer
    columns: list[str]
    always: list[str]  # features that nobody was without in training
    terms: Terms
    explainer: Explainer | None

    @classmethod
    def by(cls, loaded: Loaded, terms: Terms) -> Scoring:
        """By one version."""
        ranges = loaded.metadata["training_ranges"]
        always = [name for name, seen in ranges.items() if not seen.get("nulls", True)]
        score, _ = compiled.scorer(loaded)
        return cls(score, loaded.columns, always, terms, explainer(loaded, score))

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = {name: _column(batch[name]) for name in self.columns}
        usable = batch[WHOLE].to_numpy(zero_copy_only=False)
        usable = usable & ~np.any([_null(columns[name]) for name in self.always], axis=0) if self.always else usable
        people, others = (batch["customer_id"].filter(pa.array(chosen)) for chosen in (usable, ~usable))
        left_out = [others.cast(pa.string()), *(pa.nulls(len(others), f.type) for f in list(SCORED)[1:])]
        left_out = pa.record_batch(left_out, schema=SCORED)
        if not len(people):
            return left_out
        columns = {name: column[usable] for name, column in columns.items()}
        p = self.score.of_columns(columns, self.terms.level)
        return pa.concat_batches([self._of_batch(people, columns, p), left_out])

    def _of_batch(self, people: pa.Array, columns: compiled.Columns, p: np.ndarray) -> pa.RecordBatch:
        flagged, promised = _worth_it(columns, p, self.terms)
        drawn = np.full(len(p), np.nan)
        drawn[flagged] = control.draws(self.terms.key, people.filter(pa.array(flagged)).to_pylist())
        reasons = self._reasons(columns, flagged)
        return pa.record_batch([people.cast(pa.string()), p, flagged, promised, *reasons, drawn], schema=SCORED)

    def _reasons(self, columns: compiled.Columns, flagged: np.ndarray) -> list[pa.Array]:
        """The first reasons of who is flagged, in words: a column each, empty for all others."""
        told: list[dict] = []
        if self.explainer and flagged.any():
            chosen = {name: column[flagged] for name, column in columns.items()}
            told = self.explainer.of_columns(chosen, self.terms.level, most=len(lists.REASONS))
        words = np.full((len(lists.REASONS), len(flagged)), None, dtype=object)
        for place, one in zip(np.flatnonzero(flagged).tolist(), told, strict=False):
            for number, reason in enumerate(one["reasons"]):
                words[number, place] = reason["said"]
        return [pa.array(column, pa.string()) for column in words]


def _worth_it(columns: compiled.Columns, p: np.ndarray, terms: Terms) -> tuple[np.ndarray, np.ndarray]:
    """Of each customer whether contacting pays, and what it promises."""
    economics, flagged, promised = terms.economics, np.zeros(len(p), dtype=bool), np.full(len(p), np.nan)
    if economics:
        worth = profit.worths(economics, columns)
        flagged, promised = p >= profit.thresholds(economics, worth), profit.gain(p, economics, worth)
    if terms.threshold is not None:
        flagged = p >= terms.threshold
    return flagged, promised


def _column(column: pa.Array) -> np.ndarray | pd.Categorical:
    if pa.types.is_floating(column.type):
        return column.to_numpy(zero_copy_only=False)
    return pc.dictionary_encode(column).to_pandas().array


def _null(column: np.ndarray | pd.Categorical) -> np.ndarray:
    return column.codes < 0 if isinstance(column, pd.Categorical) else np.isnan(column)


def _ranked(scored: Table, customers: int) -> Table:
    """By what a contact promises; where no economics are known, by probability. `decile` 1: the likeliest to leave."""
    place = ibis.row_number().over(order_by=[scored.probability.desc(), scored.customer_id])
    rows = scored.mutate(decile=place * 10 // max(customers, 1) + 1)
    worth = rows.expected_profit.isnan().ifelse(rows.probability, rows.expected_profit)
    return rows.order_by(worth.desc(), rows.customer_id)


def _grouped(batch: pa.RecordBatch, version: int, terms: Terms, counts: Counts) -> pa.RecordBatch:
    flagged = batch["flagged"].to_numpy(zero_copy_only=False)
    left = None if terms.budget is None else terms.budget - counts.contact
    groups = control.groups(flagged, batch["drawn"].to_numpy(), share=terms.share, budget=left)
    counts.flagged += int(flagged.sum())
    counts.contact += int((groups == control.CONTACT).sum())
    counts.control += int((groups == control.CONTROL).sum())
    same = [pa.repeat(pa.scalar(value), len(batch)) for value in (version, terms.snapshot)]
    kept = [batch[name].cast(LISTED.field(name).type) for name in LISTED.names[:5]]
    reasons = [batch[name] for name in lists.REASONS]
    return pa.record_batch([*kept, *same, pa.array(groups), *reasons], schema=LISTED)


@contextmanager
def _writers(folder: Path) -> Iterator:
    with ExitStack() as both:
        rows = both.enter_context(pq.ParquetWriter(folder / lists.ROWS, LISTED))
        text = both.enter_context(csv.CSVWriter(str(folder / lists.TEXT), LISTED))

        def write(batch: pa.RecordBatch) -> None:
            rows.write_batch(batch)
            text.write_batch(batch)

        yield write
