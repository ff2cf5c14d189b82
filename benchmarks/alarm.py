"""How often the alarm is wrong and how soon it is right: simulated businesses with a break and without, many seeds.

`nice -n 19 python benchmarks/alarm.py` writes the tables of docs/monitoring.md. Of each seed a model is fitted once and
24 monthly lists are made with it, each at the level that `churn/training/levels.py` gives it there; what each list
promised and what came of it stays in --cache, so that a second run judges anew in seconds. Of the log a handful of the
product's features is computed in memory. A break counts where it costs .03 of AUC or .05 of the mean probability, at a
list made after it, against the same seed without.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)

from churn.evaluation import calibration  # noqa: E402
from churn.monitoring import alarm, estimate  # noqa: E402
from churn.monitoring.alarm import Month  # noqa: E402
from churn.sources.readers import breaks, shop, simulation, streaming  # noqa: E402
from churn.sources.readers.breaks import Breaks  # noqa: E402
from churn.sources.readers.simulation import BLOCK, DAY  # noqa: E402
from churn.training import estimators, levels  # noqa: E402

TOLERANCE, LISTS, NEWEST = 0.05, 24, 3
FRESH = [0, 12]  # the lists at which a model of that day foretells its AUC
AUC_COST, LEVEL_COST = 0.03, 0.05
EARLIEST, LATEST, SEEN = 6, 20, 3  # the lists between which a break may set in, and how many after it are looked at
KINDS_OF_BREAK = {
    "Streaming": ["competitor", "app_breaks", "price_rise", "slow_season", "feed_stops", "new_kind"],
    "Shop": ["competitor", "slow_season", "feed_stops"],
}


class Streaming:
    """The subscription business, 20,000 customers: left = cancels within 90 days."""

    start, before, horizon_days, blocks, kinds = streaming.START, 20, 90, 4, 4
    settling_days, windows, earliest = 90, (7, 30, 90), 10

    @staticmethod
    def block(seed: int, number: int, months: int, seconds: int, broken: Breaks) -> tuple[pd.DataFrame, np.ndarray]:
        rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
        people = streaming.draw_customers(rng, seconds=_seconds(streaming.START, months))
        return people[["signup", "plan", "country"]], streaming.simulate(rng, people, seconds=seconds, breaks=broken)

    @staticmethod
    def who(log: dict[int, np.ndarray], signup: np.ndarray, at: int, until: int) -> tuple[np.ndarray, np.ndarray]:
        """Customers who count at a moment, and whether they have left `until` another."""
        left = np.full(len(signup), np.iinfo("int64").max)
        left[log[streaming.CANCEL]["customer"]] = log[streaming.CANCEL]["at"]
        counts = np.flatnonzero((signup < at) & (left >= at))
        return counts, left[counts] < until


class Shop:
    """The shop with a season, 5,000 customers: left = buys nothing within 90 days, of those of the last year."""

    start, before, horizon_days, blocks, kinds = shop.START, 36, 90, 1, 2
    settling_days, windows, earliest = 365, (30, 90, 180), 12

    @staticmethod
    def block(seed: int, number: int, months: int, seconds: int, broken: Breaks) -> tuple[pd.DataFrame, np.ndarray]:
        calendar = shop.calendar_of(months=months, seed=seed, season=1.0, growth=0.15)
        rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
        people = shop.draw_customers(rng, calendar)
        log = shop.as_logged(shop.simulate(rng, people, calendar), people, broken, rng.spawn(1)[0])
        return people[["signup", "channel", "country"]], log

    @staticmethod
    def who(log: dict[int, np.ndarray], signup: np.ndarray, at: int, until: int) -> tuple[np.ndarray, np.ndarray]:
        """Customers who count at a moment, and whether they have left `until` another."""
        bought = log[shop.PURCHASE]
        before, now, after = np.searchsorted(bought["at"], [at - 365 * DAY, at, until])
        stays = np.zeros(len(signup), bool)
        stays[bought["customer"][now:after]] = True
        counts = np.unique(bought["customer"][before:now])
        return counts, ~stays[counts]


BUSINESSES = {"streaming": Streaming, "shop": Shop}


def main() -> None:
    given = _parser().parse_args()
    print(shocks(given.seeds), flush=True)
    head = [
        "log",
        "lives",
        "months each",
        "alarms",
        "windows",
        "the interval holds the AUC",
        "too high by",
        "its width",
    ]
    head += ["without slope and level", "too high by", "its width"]
    print(line(head), line(["---"] * len(head)), sep="\n")
    lives = {}
    for name, business in BUSINESSES.items():
        lives[name] = [kept_life(given.cache, business, seed) for seed in range(given.seeds)]
        print(line([name, *silence(lives[name]), *cbpe(lives[name])]), flush=True)
    for name, business in BUSINESSES.items():
        found = [broken_life(given.cache, business, seed, lives[name][seed]["months"]) for seed in range(given.seeds)]
        print(detection(name, pd.DataFrame([row for rows in found for row in rows])), flush=True)


def shocks(lives: int) -> str:
    """How often months that are each off by a normal shock, which all customers share, raise an alarm in 36 months."""
    head = ["standard deviation of a month's shock", "customers", "lives with an alarm"]
    rows = [line(head), line(["---"] * len(head))]
    for spread, customers in [(spread, n) for spread in (0.0, 0.01, 0.02, 0.03) for n in (2_000, 100_000)]:
        raised = [judged(_shocked(np.random.default_rng(seed), spread, customers)).standing for seed in range(lives)]
        rows.append(line([f"{spread:.2f}", f"{customers:,}", f"{np.mean(raised):.1%}"]))
    return "\n".join(rows)


def _shocked(rng: np.random.Generator, spread: float, customers: int) -> list[dict]:
    """36 months at whose lists half are expected to leave; the margin of each is that of the twelve known before."""
    days = pd.date_range("2020-01-01", periods=36, freq="MS").strftime("%Y-%m-%d")
    observed = rng.binomial(customers, 0.5 + rng.normal(0, spread, len(days) + 15)) / customers
    alike = {"version": 1, "customers": customers, "predicted": 0.5, "log_loss": 0.0, "log_loss_expected": 0.0}
    return [
        alike
        | {"snapshot": day, "known_on": str((pd.Timestamp(day) + pd.Timedelta(days=90)).date())}
        | {"observed": observed[n + 15], "margin": max(levels.LEAST, np.abs(observed[n : n + 12] - 0.5).max())}
        for n, day in enumerate(days)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--cache", default=f"{tempfile.gettempdir()}/papertrail-alarm")
    return parser


def silence(lives: list[dict]) -> list:
    return [len(lives), LISTS, sum(judged(life["months"]).standing for life in lives)]


def cbpe(lives: list[dict]) -> list:
    """How often the AUC that came lay in the interval that was foretold."""
    windows = [window for life in lives for window in life["cbpe"]]
    cells = [len(windows)]
    for told in ("foretold", "plain"):
        held = [w[told]["low"] <= w["auc"] <= w[told]["high"] for w in windows]
        off = np.mean([w[told]["estimate"] - w["auc"] for w in windows])
        wide = np.mean([w[told]["high"] - w[told]["low"] for w in windows])
        cells += [f"{np.mean(held):.1%}", f"{off:+.4f}", f"{wide:.3f}"]
    return cells


def broken_life(cache: str, business, seed: int, whole: list[dict]) -> list[dict]:
    """The breaks that were tried with a seed until one cost enough: kind, costs, whether and how late it was found."""
    at = EARLIEST + int(np.random.default_rng(seed).integers(LATEST - EARLIEST))
    rows, kinds = [], KINDS_OF_BREAK[business.__name__]
    turn = seed % len(kinds)
    for kind in kinds[turn:] + kinds[:turn]:
        months = kept_life(cache, business, seed, kind, whole[at]["snapshot"], at + SEEN)["months"]
        costs = [(_auc_cost(b, w), _level_cost(b, w)) for b, w in zip(months[at:], whole[at:], strict=False)]
        first = next((n for n, (auc, level) in enumerate(costs) if auc >= AUC_COST or level >= LEVEL_COST), None)
        row = {"seed": seed, "kind": kind, "counts": first is not None, "hurt": first}
        if first is not None:
            found = judged(months[: at + first + 1])
            early = found.standing and found.raised_on <= whole[at]["snapshot"]
            row |= {"auc": costs[first][0], "level": costs[first][1], "found": found.standing and not early}
            row |= {"false": early, "e_value": found.e_value}
        rows.append(row)
        if first is not None:
            break
    return rows


def _auc_cost(broken: dict, whole: dict) -> float:
    return whole["auc"] - broken["auc"]


def _level_cost(broken: dict, whole: dict) -> float:
    return abs((broken["predicted"] - broken["observed"]) - (whole["predicted"] - whole["observed"]))


def detection(name: str, tried: pd.DataFrame) -> str:
    head = [
        "log",
        "break",
        "tried",
        "costs enough",
        "AUC lost",
        "mean probability off by",
        "found with the first labels",
    ]
    rows = [line(head), line(["---"] * len(head))]
    for kind, of in [*tried.groupby("kind", sort=False), ("all", tried)]:
        hurt = of[of.counts]
        costs = [f"{hurt[cost].median():.3f} (least {hurt[cost].min():.3f})" for cost in ("auc", "level") if len(hurt)]
        rows.append(line([name, kind, len(of), len(hurt), *(costs or ["", ""]), int(hurt.found.astype(bool).sum())]))
    return "\n".join(rows)


def judged(months: list[dict]) -> alarm.Alarm:
    return alarm.judge([Month(**month) for month in months], tolerance=TOLERANCE, horizon_days=90)


def line(cells: Iterable) -> str:
    return f"| {' | '.join(map(str, cells))} |"


# --- a life ---


def kept_life(cache: str, business, seed: int, kind: str = "", day: str = "", lists: int = LISTS) -> dict:
    """A life from the cache, or computed."""
    made_of = [seed, kind, day, lists, *map(inspect.getsource, (business, life, known_customers, _At, _Model))]
    made_of += map(inspect.getsource, (streaming, shop, simulation, levels, *([breaks] if kind else [])))
    name = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
    kept = Path(cache) / f"{business.__name__}-{seed}-{kind or 'whole'}-{name}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(life(business, seed, {kind: day} if kind else {}, lists)))
    return json.loads(kept.read_text())


def life(business, seed: int, broken: dict[str, str], lists: int) -> dict:
    """`months`: the lists of a model's life, a Month each. `cbpe`: what was foretold of the AUC, and the AUC that came,
    on the days of FRESH by a model as a run of that day would have it."""
    first = business.start + pd.DateOffset(months=business.before)
    early = pd.date_range(business.start + pd.DateOffset(months=business.earliest), first, freq="MS", inclusive="left")
    snapshots = early.append(pd.date_range(first, periods=lists, freq="MS"))
    days = [str(s.date()) for s in snapshots]
    table = known_customers(business, seed, snapshots, Breaks.of(broken, business.start))
    model = _Model(business, table, days, days[len(early)])
    fresh = [] if broken else [_Model(business, table, days, days[len(early) + at]) for at in FRESH]
    return {"months": [model.month(day) for day in days[len(early) :]], "cbpe": [of.foretold() for of in fresh]}


class _Model:
    """A model as a run of a day would train it, on the newest snapshots, with a test and a level as a run has them."""

    def __init__(self, business, table: pd.DataFrame, days: list[str], day: str) -> None:
        self._horizon, self._day = business.horizon_days, day
        rule = levels.Rule(NEWEST, business.horizon_days, "month", str(business.start.date()), business.settling_days)
        test = [s for s in days if rule.known(s, day)][-1]
        rows = table[table.snapshot.isin([s for s in days if rule.known(s, test)][-NEWEST:])]
        features = [name for name in table if name not in ("snapshot", "churned")]
        fitted = estimators.fit(
            rows[features], rows.churned.to_numpy("int64"), model="logistic", settings={"C": 1.0}, seed=7
        )
        log_odds, labels = estimators.log_odds(fitted, table[features]), table.churned.to_numpy("int64")
        self._known = {s: (log_odds[at], labels[at]) for s, at in table.groupby("snapshot").indices.items()}
        self._levels = levels.Levels(self._known, rule)
        y, p, _ = self._at(test)
        self._slope, (auc, error) = asdict(calibration.slope(y, p)), alarm.ranked(y, p)
        half = calibration.Z * error
        self._promised = {"auc": {"estimate": auc, "low": auc - half, "high": auc + half}}

    def month(self, day: str) -> dict:
        y, p, level = self._at(day)
        document = {"snapshot": day, "version": 1, "promised": self._promised, "level": {"margin": level.margin}}
        return asdict(alarm.month_of(y, p, document, horizon_days=self._horizon))

    def foretold(self) -> dict:
        y, p, level = self._at(self._day)
        found = estimate.estimate(p, seed=7, replicates=1000, margin=level.margin, slope=self._slope)
        plain = estimate.estimate(p, seed=7, replicates=1000)
        return {"auc": alarm.ranked(y, p)[0], "foretold": found["auc"], "plain": plain["auc"], "slope": self._slope}

    def _at(self, day: str) -> tuple[np.ndarray, np.ndarray, levels.Level]:
        level, (log_odds, y) = self._levels.at(day), self._known[day]
        return y, expit(log_odds + level.log_odds), level


def known_customers(business, seed: int, snapshots: pd.DatetimeIndex, broken: Breaks) -> pd.DataFrame:
    """Who counts at each snapshot: snapshot, churned, and features."""
    months = business.before + LISTS + business.horizon_days // 30
    seconds = int((snapshots[-1] - business.start).total_seconds()) + business.horizon_days * DAY
    blocks = [business.block(seed, number, months, seconds, broken) for number in range(business.blocks)]
    for number, (_, log) in enumerate(blocks):
        log["customer"] += number * BLOCK
    people, log = pd.concat([people for people, _ in blocks], ignore_index=True), np.concatenate([x for _, x in blocks])
    at = _At(business, people, log)
    return pd.concat([at.snapshot(day) for day in snapshots], ignore_index=True)


class _At:
    """The customers at a snapshot, from a log that is parted by kind and sorted by time once."""

    def __init__(self, business, people: pd.DataFrame, log: np.ndarray) -> None:
        self._business, self._people, self._log = business, people, {}
        for kind in range(log["kind"].max() + 1):
            of_kind = log[log["kind"] == kind]
            self._log[kind] = of_kind[np.argsort(of_kind["at"], kind="stable")]

    def snapshot(self, day: pd.Timestamp) -> pd.DataFrame:
        at = int((day - self._business.start).total_seconds())
        signup = self._people.signup.to_numpy()
        counts, churned = self._business.who(self._log, signup, at, at + self._business.horizon_days * DAY)
        columns = {"snapshot": str(day.date()), "churned": churned, "tenure": (at - signup[counts]) / DAY}
        for name in self._people.columns.drop("signup"):
            columns[name] = self._people[name].to_numpy()[counts].astype(str)
        for kind in range(self._business.kinds):
            columns |= self._of_kind(kind, at, counts)
        return pd.DataFrame(columns)

    def _of_kind(self, kind: int, at: int, counts: np.ndarray) -> dict[str, np.ndarray]:
        log, n = self._log[kind], len(self._people)
        now, *since = np.searchsorted(log["at"], [at, *(at - days * DAY for days in self._business.windows)])
        last = np.full(n, np.nan)
        last[log["customer"][:now]] = log["at"][:now]
        columns = {f"since_{kind}": (at - last[counts]) / DAY}
        columns[f"count_{kind}"] = np.bincount(log["customer"][:now], minlength=n)[counts]
        for days, begin in zip(self._business.windows, since, strict=True):
            who, value = log["customer"][begin:now], log["hundredths"][begin:now] / 100
            columns[f"count_{kind}_{days}"] = np.bincount(who, minlength=n)[counts]
            columns[f"value_{kind}_{days}"] = np.bincount(who, value, minlength=n)[counts]
        return columns


def _seconds(start: pd.Timestamp, months: int) -> int:
    return int((start + pd.DateOffset(months=months) - start).total_seconds())


if __name__ == "__main__":
    main()
