"""What came of the lives: replay.json, by which the report, the command and whoever asks later tell the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from churn import engine, state
from churn.evaluation import document
from churn.registry.history import NEEDS_APPROVAL, PROMOTED, REFUSED
from churn.replay import compare, gate_judged, outcomes, record
from churn.replay.gate_judged import Beside
from churn.replay.outcomes import Outcomes
from churn.replay.record import Life, Month
from churn.reports import replay_sentences
from churn.sources import contract


@dataclass(frozen=True)
class Judged:
    """A month of a life, and the rows of its list that came true; None where there was no list, or it is too early."""

    life: Life
    month: Month
    known_on: str
    rows: pd.DataFrame | None

    @property
    def policy(self) -> str:
        """The policy of the life."""
        return self.life.policy


def write(experiment: str, lives: Sequence[Life], *, check: list[dict] | None = None) -> Path:
    """Judge the lives and write `replay.json`; returns where."""
    told = document.plain(judged(experiment, lives) | {"check": check})
    told["finding"] = replay_sentences.finding(told)
    return state.write_json(record.home(experiment) / "replay.json", told)


def judged(experiment: str, lives: Sequence[Life]) -> dict:
    """What `replay.json` says: policies, months, differences, others, rules. A 95% interval is a pair of `_low` and
    `_high`; profit is money over all customers."""
    known = Outcomes(experiment, over := _over(experiment))
    months = [_judge(life, month, known) for life in lives for month in life.months]
    beside = [found for one in months if (found := _beside(one, known))]
    return {
        "experiment": experiment,
        "from": min(one.month.as_of for one in months),
        "to": max(one.month.as_of for one in months),
        "log_ends": str(pd.Timestamp(over).date() - timedelta(days=1)),
        "policies": [_policy(life, [one for one in months if one.life is life]) for life in lives],
        "months": [_month(one) for one in months],
        "differences": _differences(months, [life.policy for life in lives]),
        "others": gate_judged.table(beside),
        "rules": gate_judged.rules([one for one in beside if one.policy == lives[0].policy]),
    }


def _over(experiment: str) -> str:
    """The first day of which the log knows nothing."""
    source = contract.reopen(engine.embedded(), record.log(experiment))
    last = contract.known_at(source.events).max().execute()
    return str(pd.Timestamp(last).date() + timedelta(days=1))


def _judge(life: Life, month: Month, known: Outcomes) -> Judged:
    found = known.at(life, month.serve) if month.list else None
    rows = None if found is None else outcomes.came_true(month.list, found, _economics(life))
    return Judged(life, month, known.known_on(life, month.serve), rows)


def _economics(life: Life) -> dict:
    return life.settings.evaluate.economics.model_dump()


def _beside(one: Judged, known: Outcomes) -> Beside | None:
    if one.rows is None or not one.month.other:
        return None
    other = outcomes.came_true(one.month.other["list"], known.at(one.life, one.month.serve), _economics(one.life))
    return Beside(one.policy, one.month, one.rows, other)


def _policy(life: Life, months: list[Judged]) -> dict:
    lived, seen = [one.month for one in months], [one for one in months if one.rows is not None]
    decided = [month.decision for month in lived]
    rows = [one.rows for one in seen]
    told = [_scores(of) for of in rows]
    return {
        "policy": life.policy,
        "horizon_days": life.settings.horizon_days,
        "trainings": sum(month.trained for month in lived),
        "promoted": decided.count(PROMOTED),
        "refused": decided.count(REFUSED),
        "waits": decided.count(NEEDS_APPROVAL),
        "stopped": sum(month.stopped for month in lived),
        "alarms": [now.as_of for before, now in zip([None, *lived], lived, strict=False)
                   if now.alarm and not (before and before.alarm)],
        "lists": sum(bool(month.list) for month in lived),
        "judged": len(seen),
        "contacted": sum(_contacted(of) for of in rows),
        "profit": sum(float(of.profit.sum()) for of in rows) if rows else None,
        "auc": _mean_of(told, "auc"),
        "log_loss": _mean_of(told, "log_loss"),
    }  # fmt: skip


def _mean_of(told: list[dict], name: str) -> float | None:
    """The mean of a score over the months that have it."""
    values = [scores[name] for scores in told if np.isfinite(scores[name])]
    return float(np.mean(values)) if values else None


def _contacted(rows: pd.DataFrame) -> int:
    return int((rows.group == outcomes.CONTACT).sum())


def _scores(rows: pd.DataFrame) -> dict:
    auc, low, high = outcomes.auc(rows)
    ranked = {"auc": auc, "auc_low": low, "auc_high": high, "log_loss": float(outcomes.losses(rows).mean())}
    return ranked | {"predicted": float(rows.probability.mean()), "observed": float(rows.churned.mean())}


SCORES = ("auc", "auc_low", "auc_high", "log_loss", "predicted", "observed")


def _month(one: Judged) -> dict:
    of = asdict(one.month)
    taken = (
        "as_of",
        "production",
        "before",
        "candidate",
        "decision",
        "trained",
        "why",
        "alarm",
        "failed",
        "said",
        "stopped",
    )
    told = {"policy": one.policy, "known_on": one.known_on, "judged": one.rows is not None, "listed": bool(of["list"])}
    told |= {name: of[name] for name in taken}
    if one.rows is None:
        return told | dict.fromkeys(("customers", "flagged", "contacted", *SCORES, "profit"))
    counted = {"customers": len(one.rows), "flagged": int(one.rows.flagged.sum()), "contacted": _contacted(one.rows)}
    return told | counted | _scores(one.rows) | {"profit": float(one.rows.profit.sum())}


def _differences(months: Sequence[Judged], policies: list[str]) -> list[dict]:
    """Each pair of policies over the dates that have come true of both."""
    return [row for of, against in compare.pairs(policies) if (row := _difference(months, of, against))]


def _difference(months: Sequence[Judged], of: str, against: str) -> dict | None:
    by_date = [{one.month.as_of: one for one in months if one.policy == name} for name in (of, against)]
    both = [day for day in by_date[0] if all(_known(lives.get(day)) for lives in by_date)]
    if not both:
        return None
    sums = [compare.earned([lives[day].rows for day in both if lives[day].rows is not None]) for lives in by_date]
    found = compare.difference(*sums)
    told = {"policy": of, "against": against, "profit": found.estimate, "low": found.low, "high": found.high}
    return told | {"customers": len(sums[0].index.union(sums[1].index)), "months": len(both)}


def _known(one: Judged | None) -> bool:
    """Whether it is known what a month brought: nothing where it had no list."""
    return one is not None and (one.rows is not None or not one.month.list)
