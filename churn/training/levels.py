"""The level of a model at a snapshot: what is added to its log-odds there, and how well that has done before.

Which customers leave sooner than others holds from season to season; how many leave does not. The slopes of a model
are therefore kept, and its level follows what is known at the snapshot that is scored: the labels of the newest
snapshots or, where it has proved to miss less, those of the same day of last year.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
from ibis.expr.types import Table
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.pipeline import Pipeline

from churn import grid
from churn.training import estimators
from churn.training.sampling import RATE

PROOFS = 3  # earlier snapshots at which last year's level must have missed less, before it is used
GAIN = 0.01  # by how much less, on average: a point; below it chance decides, and a log without a season is harmed
REMEMBERED = 12  # earlier snapshots that are looked back at
LEAST = 0.03  # half of the interval on the mean, at least
FARTHEST = 40.0  # log-odds; beyond it a probability is 0 or 1
ORIGINS = ["snapshot", "customers", "predicted", "observed", "miss", "miss_without", "season"]


@dataclass(frozen=True)
class Rule:
    """What the level at a snapshot is made of.

    `newest` snapshots give it where no season is proven; a label is known `horizon_days` after its snapshot; `every` is
    the step of the calendar grid (day, week or month; "" where the dates are given, so that no season is looked for);
    the log `starts` then, and no snapshot within the `settling_days` after it tells of a season: its customers were cut
    off by the start of the log.
    """

    newest: int
    horizon_days: int
    every: str = ""
    starts: str = ""
    settling_days: int = 0

    def known(self, snapshot: str, by: str) -> bool:
        """Whether the labels of a snapshot are known by another one."""
        return date.fromisoformat(snapshot) + timedelta(days=self.horizon_days) <= date.fromisoformat(by)

    def last_year(self, snapshot: str) -> str:
        """The snapshot of last year, which need not lie on the grid."""
        return str(grid.last_year(self.every, date.fromisoformat(snapshot)))

    def on_grid(self, snapshot: str) -> bool:
        """Whether a snapshot lies on the calendar grid."""
        day = date.fromisoformat(snapshot)
        return not self.every or grid.newest(self.every, day) == day

    def settled(self, snapshot: str) -> bool:
        """Whether a snapshot lies long enough after the start of the log to tell of a season."""
        return date.fromisoformat(snapshot) >= date.fromisoformat(self.starts) + timedelta(days=self.settling_days)


@dataclass(frozen=True)
class Level:
    """What is added to a model's log-odds at a snapshot: `log_odds`, from the labels `of` these snapshots, and why.

    `season`: whether it is that of last year. `origins`: how the same rule did at the last snapshots known by then, a
    row each: ORIGINS, where a miss is mean predicted minus observed, `miss_without` that without the season.
    """

    snapshot: str
    log_odds: float
    of: list[str]
    why: str
    season: bool
    origins: pd.DataFrame

    @property
    def margin(self) -> float | None:
        """Half of the interval on the expected share of leavers: the worst miss so far, at least LEAST; None where
        there is no earlier snapshot that could have been missed."""
        return None if self.origins.empty else max(LEAST, float(self.origins.miss.abs().max()))

    def expected(self, log_odds: np.ndarray) -> dict[str, float | None]:
        """The share of leavers that is expected among customers with these log-odds: mean, low, high."""
        mean = float(expit(log_odds + self.log_odds).mean())
        if self.margin is None:
            return {"mean": mean, "low": None, "high": None}
        return {"mean": mean, "low": max(0.0, mean - self.margin), "high": min(1.0, mean + self.margin)}

    def document(self) -> dict:
        """In plain JSON types."""
        told = {name: getattr(self, name) for name in ("snapshot", "log_odds", "of", "why", "season", "margin")}
        return told | {"origins": self.origins.to_dict("records")}


class Levels:
    """The levels of one model at any snapshot, from `known`: snapshot -> log-odds and labels of its customers, each of
    shape (n,). Where these are a sample, `rates` gives the share of leavers among everybody."""

    def __init__(
        self, known: dict[str, tuple[np.ndarray, np.ndarray]], rule: Rule, rates: dict[str, float] | None = None
    ) -> None:
        self._known = {snapshot: known[snapshot] for snapshot in sorted(known)}
        self.rule = rule
        self._rates = {snapshot: float(labels.mean()) for snapshot, (_, labels) in known.items()} | (rates or {})

    @property
    def customers(self) -> dict[str, int]:
        """How many customers are known by, at each snapshot."""
        return {snapshot: len(labels) for snapshot, (_, labels) in self._known.items()}

    def turned(self, snapshots: Collection[str]) -> Levels:
        """Those of the same model, had everybody at these snapshots done the opposite."""
        known = {
            s: (log_odds, 1 - labels if s in snapshots else labels) for s, (log_odds, labels) in self._known.items()
        }
        rates = {s: 1 - rate if s in snapshots else rate for s, rate in self._rates.items()}
        return Levels(known, self.rule, rates)

    def at(self, snapshot: str) -> Level:
        """The level at a snapshot, by what was known then."""
        season, why = self._season(snapshot)
        of, back = self._made_of(snapshot, season), self._looked_back(snapshot, season)
        return Level(snapshot, self._offset(*of), of, self._told(of, season, why), season, back)

    def origins(self, until: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Labels and probabilities of the last REMEMBERED snapshots up to one, each at a level of the kind that is used
        there, of what was known then: what the rule did before a season was proven says nothing of what it does now.
        """
        season = self._season(until)[0]
        of = {s: self._made_of(s, season) for s in self._known if s <= until}
        chosen = [s for s in of if s == until or (s in self._origins.index and of[s])][-REMEMBERED:]
        return {s: (self._known[s][1], expit(self._known[s][0] + self._offset(*of[s]))) for s in chosen}

    def _made_of(self, snapshot: str, season: bool) -> list[str]:
        """The snapshots whose labels give the level at one."""
        return self._of_last_year(snapshot) if season else self._newest(snapshot)

    def _told(self, of: list[str], season: bool, why: str) -> str:
        if season:
            return f"season of last year ({of[0]}); {why}"
        if not of:
            return f"that of the training rows, since no other label was known by then; {why}"
        return f"that of the {len(of)} newest snapshots whose labels were known ({', '.join(of)}); {why}"

    def _season(self, snapshot: str) -> tuple[bool, str]:
        """Whether last year's level may be used at a snapshot, and why."""
        if not self.rule.every:
            return False, "no season is looked for where the snapshots are given by date"
        if not self._of_last_year(snapshot):
            months = (date.fromisoformat(snapshot) - date.fromisoformat(self.rule.starts)).days / 30.4375
            return False, f"season unknown: the log is {months:.0f} months long"
        proofs = self._misses(snapshot).dropna()
        if len(proofs) < PROOFS:
            return (
                False,
                f"season unproven: it takes {PROOFS} earlier snapshots that can tell, and there are {len(proofs)}",
            )
        mine, without = proofs.with_season.abs().mean(), proofs.without.abs().mean()
        told = f"at {len(proofs)} earlier snapshots it missed by {mine:.3f} on average, {without:.3f} without"
        better = bool(mine < without - GAIN)
        return better, told if better else f"season not used, for it has to miss by {GAIN:g} less: {told}"

    def _looked_back(self, snapshot: str, season: bool) -> pd.DataFrame:
        """How levels of this kind did at the last snapshots whose labels are known by another one: ORIGINS."""
        misses = self._misses(snapshot)
        misses = misses.assign(miss=misses.with_season if season else misses.without).dropna(subset="miss")
        customers = [len(self._known[origin][1]) for origin in misses.index]
        observed = np.array([self._rates[origin] for origin in misses.index])
        table = {"snapshot": misses.index, "customers": customers, "predicted": observed + misses.miss}
        table |= {"observed": observed, "miss": misses.miss, "miss_without": misses.without, "season": season}
        return pd.DataFrame(table, columns=ORIGINS).reset_index(drop=True)

    def _misses(self, snapshot: str) -> pd.DataFrame:
        """The last REMEMBERED misses known by a snapshot."""
        known = [origin for origin in self._origins.index if self.rule.known(origin, snapshot)]
        return self._origins.loc[known[-REMEMBERED:]]

    @cached_property
    def _origins(self) -> pd.DataFrame:
        """Mean predicted minus observed at every snapshot that has others before it: without and with_season."""
        rows = {
            origin: (self._miss(origin, newest), self._miss(origin, self._of_last_year(origin)))
            for origin in self._known
            if self.rule.on_grid(origin) and (newest := self._newest(origin))
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["without", "with_season"])

    def _miss(self, origin: str, of: list[str]) -> float:
        log_odds, _ = self._known[origin]
        return float(expit(log_odds + self._offset(*of)).mean() - self._rates[origin]) if of else np.nan

    def _newest(self, snapshot: str) -> list[str]:
        known = [s for s in self._tellers if self.rule.on_grid(s) and self.rule.known(s, snapshot)]
        return known[-self.rule.newest :]

    def _of_last_year(self, snapshot: str) -> list[str]:
        """Last year's snapshot, in a list; empty where there is none that tells of a season."""
        if not self.rule.every:
            return []
        before = self.rule.last_year(snapshot)
        return [before] if before in self._tellers and self.rule.settled(before) else []

    @cached_property
    def _tellers(self) -> list[str]:
        """The snapshots with leavers and stayers: of one class no finite level is told."""
        return [s for s in self._known if 0 < self._rates[s] < 1]

    def _offset(self, *snapshots: str) -> float:
        """Their level together; that of the training rows where there is none."""
        if not snapshots:
            return 0.0
        log_odds = [self._known[s][0] for s in snapshots]
        rate = np.average([self._rates[s] for s in snapshots], weights=[len(of) for of in log_odds])
        return offset(np.concatenate(log_odds), rate)


def rule(events: Table | None, label: dict, *, newest: int, every: str) -> Rule:
    """The rule for a log, `label` with its horizon_days: a snapshot is settled when all that a customer counts by
    lies in the log. Without events there is no log whose start could be known, and no season is looked for."""
    if events is None or not every:
        return Rule(newest, label["horizon_days"])
    starts = events.at.min().execute().date()
    return Rule(
        newest, label["horizon_days"], every, str(starts), label.get("active_within_days", label["horizon_days"])
    )


def table(levels: list[Level]) -> pd.DataFrame:
    """Levels for people: snapshot, level (log-odds), why, and how far the share of leavers may be off."""
    rows = [{"snapshot": x.snapshot, "level": x.log_odds, "margin": x.margin, "why": x.why} for x in levels]
    return pd.DataFrame(rows).set_index("snapshot")


def of_model(model: Pipeline, known: pd.DataFrame, columns: list[str], rule: Rule) -> Levels:
    """The levels of a fitted model. `known`: features, snapshot and label of every customer whose label is known, or of
    a sample of them (training.sampling)."""
    log_odds = estimators.log_odds(model, known[columns])
    labels = known.churned.to_numpy(dtype="int64")
    at = known.groupby("snapshot").indices
    by_day = {f"{snapshot:%Y-%m-%d}": rows for snapshot, rows in at.items()}
    rates = {day: float(known[RATE].iloc[rows[0]]) for day, rows in by_day.items()} if RATE in known else None
    return Levels({day: (log_odds[rows], labels[rows]) for day, rows in by_day.items()}, rule, rates)


def offset(log_odds: np.ndarray, rate: float) -> float:
    """What has to be added to the log-odds, shape (n,), so that the mean probability is the share of leavers."""
    return float(brentq(lambda level: expit(log_odds + level).mean() - rate, -FARTHEST, FARTHEST, xtol=1e-12))
