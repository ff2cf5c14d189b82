"""What was promised and what came true: the score lists and the prediction log, once their horizon has closed.

Whom a list sends somebody to may stay because of that. So what came true of everybody is told as it is, and beside it
what it would have been had nobody been contacted: those kept back, drawn at random, stand for all who were flagged with
them (Horvitz & Thompson 1952, J Am Stat Assoc 47).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churn.errors import InvalidData

if TYPE_CHECKING:  # what takes seconds is loaded where there is something to look at
    from churn.scoring.lists import ScoreList
    from churn.sources.contract import Source

LIST, LOG = "list", "log"
NAMED = ["from", "snapshot", "version", "superseded", "customers"]
RANKING = ["auc", "auc_low", "auc_high", "auc_promised", "auc_promised_low", "auc_promised_high"]
LOSS = ["log_loss", "log_loss_low", "log_loss_high", "log_loss_promised"]
LEVEL = ["predicted", "expected_low", "expected_high", "observed", "observed_low", "observed_high"]
UNCONTACTED = ["auc_uncontacted", "observed_uncontacted"]
FIGURES = [*NAMED, *RANKING, *LOSS, *LEVEL, *UNCONTACTED]
BY_VERSION = ["version", "from", "snapshots", "customers", "auc", "log_loss", "predicted", "observed"]
BY_SEGMENT = ["segment", "value", "customers", "auc", "predicted", "observed", "observed_low", "observed_high"]
Z = 1.959963984540054  # half-width of a 95% interval in standard errors


@dataclass(frozen=True)
class Matured:
    """What one version said of the customers of one snapshot, and what became of them.

    `rows`: customer_id, probability, group, churned (bool), and of the newest list the segments. `document` is that of
    the list, {} for the log. `came_from` a list or the log.
    """

    came_from: str
    snapshot: str
    version: int
    document: dict
    rows: pd.DataFrame
    superseded: bool = False

    @property
    def y(self) -> np.ndarray:
        """Who left, shape (n,), 0 or 1."""
        return self.rows.churned.to_numpy(dtype="int64")

    @property
    def p(self) -> np.ndarray:
        """The probabilities, shape (n,)."""
        return self.rows.probability.to_numpy(dtype="float64")

    @property
    def weights(self) -> np.ndarray | None:
        """How many customers each stands for, shape (n,), had nobody been contacted: 0 for who was. None where nobody
        was, or nobody was kept back who could stand for them."""
        contact, control = (self.rows.group.to_numpy() == name for name in ("contact", "control"))
        if not contact.any() or not control.any():
            return None
        return np.where(contact, 0.0, np.where(control, 1 + contact.sum() / control.sum(), 1.0))


def known(
    experiment: str, manifest: dict, lists: Sequence[ScoreList], *, label: dict, as_of: str
) -> tuple[list[Matured], list[str]]:
    """Every list and all of the prediction log whose labels are known, oldest first, and what stands in the way of
    others. `manifest` is that of the features, `label` the section of the params file; from `as_of` on nothing is seen.
    """
    newest = {
        (made.snapshot, made.version): made for made in lists
    }  # a superseded one of the same version says the same
    said = [_said_by(made) for made in newest.values()] + _logged(experiment)
    if not said:
        return [], []
    from churn import engine
    from churn.sources import contract

    source = contract.reopen(engine.connect(), manifest)
    closed, notes = _closed(source, sorted({one.snapshot for one in said}), label, as_of)
    outcomes = {snapshot: _outcomes(source, snapshot, label) for snapshot in closed}
    newest = max((one.snapshot for one in said if one.came_from == LIST and one.snapshot in outcomes), default="")
    for segment in _segments(source, manifest, newest) if newest else []:
        outcomes[newest] = outcomes[newest].merge(segment, on="customer_id", how="left")
    joined = [_with_outcomes(one, outcomes[one.snapshot]) for one in said if one.snapshot in outcomes]
    return sorted((m for m in joined if len(m.rows)), key=lambda m: (m.snapshot, m.came_from == LOG)), notes


def _said_by(made: ScoreList) -> Matured:
    rows = made.rows(["customer_id", "probability", "group"])
    return Matured(LIST, made.snapshot, made.version, made.document, rows, made.superseded)


def _logged(experiment: str) -> list[Matured]:
    """The last answer about each customer, by snapshot and version."""
    from churn.monitoring import prediction_log

    if not (columns := prediction_log.files(experiment)):
        return []
    columns = ["customer_id", "churn_probability", "model_version", "features_as_of", "scored_at", "request_id"]
    rows = prediction_log.read(experiment, columns).sort_values(["scored_at", "request_id"], kind="stable")
    rows = rows.drop_duplicates(["customer_id", "model_version", "features_as_of"], keep="last")
    rows = rows.rename(columns={"churn_probability": "probability"}).assign(group="none")
    return [
        Matured(LOG, f"{snapshot:%Y-%m-%d}", int(version), {}, of[["customer_id", "probability", "group"]])
        for (snapshot, version), of in rows.groupby(["features_as_of", "model_version"])
    ]


def _closed(source: Source, snapshots: list[str], label: dict, as_of: str) -> tuple[list[str], list[str]]:
    """The snapshots whose horizon has closed, and what the log lacks for others that should have by `as_of`."""
    from churn.training import labels

    horizon = timedelta(days=label["horizon_days"])
    due = [t for t in snapshots if not as_of or str(date.fromisoformat(t) + horizon) <= as_of]
    if source.events is None:
        return due, []
    lacking = ""
    while due:  # a log that reaches the newest reaches all before it
        try:
            labels.refuse_open_horizons(source.events, due, label["horizon_days"], as_of)
            break
        except InvalidData as error:
            lacking = lacking or str(error)
            due.pop()
    return due, [f"what came true is not known yet: {lacking}"] if lacking and as_of else []


def _outcomes(source: Source, snapshot: str, label: dict) -> pd.DataFrame:
    """Who counts at a snapshot, and who of them left; the horizon has closed."""
    from churn.training import labels

    built = labels.build(source.events, source.customers, source.labels, snapshots=[snapshot], label=label)
    return built.select("customer_id", "churned").execute()


def _segments(source: Source, manifest: dict, snapshot: str) -> list[pd.DataFrame]:
    """Each segment of the customers at a snapshot: customer_id and the value, under the name of its feature."""
    from churn.sources.snapshots import moment

    given = {f["name"]: f.get("given", f["name"]) for f in manifest["features"] if f["name"] in manifest["segments"]}
    tables = [source.customers] if source.customers is not None else list(source.tables.values())
    held = {name: next((t for t in tables if column in t.columns), None) for name, column in given.items()}
    return [
        (t.filter(t.snapshot == moment(snapshot)) if "snapshot" in t.columns else t)
        .select("customer_id", **{name: t[given[name]]})
        .execute()
        for name, t in held.items()
        if t is not None
    ]


def _with_outcomes(said: Matured, outcomes: pd.DataFrame) -> Matured:
    rows = said.rows.merge(outcomes, on="customer_id")
    return Matured(said.came_from, said.snapshot, said.version, said.document, rows, said.superseded)


def figures(came: Sequence[Matured]) -> pd.DataFrame:
    """What was promised and what came true, a row each: FIGURES; no row where nothing is known yet.

    `observed_low` and `_high` bound what chance leaves open of the share that left; what ends in `_uncontacted` is what
    it would have been without contacts.
    """
    promises = {m.version: m.document["promised"] for m in came if m.document.get("promised")}
    return pd.DataFrame([_figures(m, promises.get(m.version) or {}) for m in came], columns=FIGURES)


def _figures(m: Matured, promised: dict) -> dict:
    from churn.evaluation import metrics

    off, error = miss(m.y, m.p)
    predicted, losses = float(m.p.mean()), metrics.log_losses(m.y, m.p)
    half = Z * float(losses.std(ddof=1)) / len(losses) ** 0.5 if len(losses) > 1 else np.nan
    expected = (m.document.get("level") or {}).get("expected") or {}
    of_auc, of_loss = promised.get("auc") or {}, promised.get("log_loss") or {}
    named = (m.came_from, m.snapshot, m.version, m.superseded, len(m.rows))
    ranking = (*auc(m.y, m.p), *(of_auc.get(end) for end in ("estimate", "low", "high")))
    loss = (losses.mean(), losses.mean() - half, losses.mean() + half, of_loss.get("estimate"))
    observed = (predicted - off, predicted - off - Z * error, predicted - off + Z * error)
    level = (predicted, expected.get("low"), expected.get("high"), *observed)
    without = (None, None)
    if m.weights is not None:
        without = (auc(m.y, m.p, m.weights)[0], predicted - miss(m.y, m.p, m.weights)[0])
    return dict(zip(FIGURES, (*named, *ranking, *loss, *level, *without), strict=True))


def auc(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float, float]:
    """Estimate, low, high; NaN of customers who all left or all stayed."""
    from churn.evaluation import resampling

    found = resampling.weighted_auc(y, p, np.ones(len(y)) if weights is None else weights)
    return found.estimate, found.low, found.high


def miss(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Mean predicted minus observed, and its standard error."""
    apart = (p - y) * (1.0 if weights is None else weights)
    return float(apart.mean()), float(apart.std() / len(y) ** 0.5)


def metrics(figures: pd.DataFrame) -> dict[str, float]:
    """Those of the newest list that has come true, as MLflow takes them; none where none has."""
    lists = figures[figures["from"] == LIST].tail(1).to_dict("records")
    return {f"matured_{name}": row[name] for row in lists for name in ("auc", "log_loss", "predicted", "observed")}


def by_version(figures: pd.DataFrame) -> pd.DataFrame:
    """The same over all snapshots of each version, by customers: BY_VERSION."""
    rows = []
    for (version, came_from), of in figures.groupby(["version", "from"]):
        weights = of.customers / of.customers.sum()
        means = {name: (of[name].astype("float64") * weights).sum() for name in BY_VERSION[4:]}
        named = {"version": version, "from": came_from, "snapshots": len(of), "customers": of.customers.sum()}
        rows.append(named | means)
    return pd.DataFrame(rows, columns=BY_VERSION)


def by_segment(came: Sequence[Matured], manifest: dict, *, minimum: int = 50) -> pd.DataFrame:
    """The newest list whose labels are known, within every value of every segment: BY_SEGMENT."""
    lists = [m for m in came if m.came_from == LIST and not m.superseded]
    if not lists:
        return pd.DataFrame(columns=BY_SEGMENT)
    rows = lists[-1].rows
    return pd.DataFrame(
        [
            {"segment": segment, "value": value} | _within(of, minimum)
            for segment in manifest["segments"]
            if segment in rows
            for value, of in rows.groupby(rows[segment].astype("string").fillna("(missing)"))
        ],
        columns=BY_SEGMENT,
    )


def _within(rows: pd.DataFrame, minimum: int) -> dict:
    y, p = rows.churned.to_numpy(dtype="int64"), rows.probability.to_numpy(dtype="float64")
    error = miss(y, p)[1]
    ranked, observed = auc(y, p)[0] if len(rows) >= minimum else None, float(y.mean())
    bounds = {"observed_low": observed - Z * error, "observed_high": observed + Z * error}
    return {"customers": len(rows), "auc": ranked, "predicted": float(p.mean()), "observed": observed} | bounds
