"""Whether a model is trained again this month: by a rule of the params file, which may ask for an alarm."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from churn.monitoring import matured

if TYPE_CHECKING:
    from churn.monitoring.alarm import Month
    from churn.registry.versions import Version
    from churn.scoring.lists import ScoreList


NO_ALARM = {"standing": False, "raised_on": None, "since": None, "e_value": 1.0, "limit": 20.0, "path": [], "why": ""}


@dataclass(frozen=True)
class Decision:
    """Whether train, evaluate and promote run, and why, in a clause."""

    retrain: bool
    why: str


def decide(rule: dict, *, production: int, since: str, serve: str, alarm: bool) -> Decision:
    """By `rule`, the section of the params file: {"when": "always" | "alarm" | "never" | {"months": N}}.

    `production` is the version in production, 0 where there is none; `since` its first month, "" where that is not
    known; `serve` this month's snapshot; `alarm` whether an alarm stands.
    """
    when = rule["when"]
    if not production:
        return Decision(True, "nothing is in production yet")
    if when == "alarm":
        return Decision(alarm, "an alarm stands" if alarm else "no alarm stands")
    if when in ("always", "never"):
        told = "each run trains a challenger" if when == "always" else "no run trains one by itself"
        return Decision(when == "always", f"{told} (`retrain.when: {when}`)")
    if not since:
        return Decision(True, f"nobody knows since when version {production} has served")
    due = months_after(since, when["months"])
    told = f"version {production} has served since {since} and is due for another from {due} on"
    return Decision(serve >= due, told)


def judged(
    came: Sequence[matured.Matured], listed: Sequence[tuple[str, int]], *, tolerance: float, horizon_days: int
) -> dict:
    """The alarm, as alarm.Alarm has it, from what would have come true of each month's list had nobody been contacted:
    contacts that work are no break of the model. `listed`: snapshot and version of every list so far."""
    lists = [m for m in came if m.came_from == matured.LIST and not m.superseded]
    if not lists:
        return NO_ALARM
    from churn.monitoring import alarm

    months = [_uncontacted(m, alarm.month_of(m.y, m.p, m.document, horizon_days=horizon_days)) for m in lists]
    return asdict(alarm.judge(months, tolerance=tolerance, horizon_days=horizon_days, lists=listed))


def _uncontacted(m: matured.Matured, month: Month) -> Month:
    """With what would have come true without contacts, and the AUC of that."""
    if m.weights is None:
        return month
    (miss, error), (auc, low, _) = matured.miss(m.y, m.p, m.weights), matured.auc(m.y, m.p, m.weights)
    observed = min(max(month.predicted - miss, 0.0), 1.0)
    alike = observed * (1 - observed) / error**2 if error else month.customers
    ranked = {} if month.auc is None or auc != auc else {"auc": auc, "auc_error": (auc - low) / matured.Z}
    alike = max(1, min(month.customers, round(alike)))
    return replace(month, observed_uncontacted=observed, customers_uncontacted=alike, **ranked)


def listed(lists: Sequence[ScoreList], production: Version | None, serve: str) -> list[tuple[str, int]]:
    """Snapshot and version of every list so far; a version in production that has none is on that of this month."""
    told = [(made.snapshot, made.version) for made in lists if not made.superseded]
    new = production is not None and production.version not in {version for _, version in told}
    return [*told, (serve, production.version)] if new else told


def months_after(day: str, months: int) -> str:
    """The same day so many months later, or the month's last where it has no such day."""
    then = date.fromisoformat(day)
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    return str(date(year, month + 1, min(then.day, monthrange(year, month + 1)[1])))


def since(production: Version | None, lists: list[ScoreList]) -> str:
    """The first month of the version in production: the snapshot of its first list, else the one that went online in
    the run that trained it; "" where neither is known."""
    if production is None:
        return ""
    first = min((made.snapshot for made in lists if made.version == production.version), default="")
    return first or _served_by_its_run(production)


def made_by(version: int, lists: Sequence[ScoreList]) -> int:
    """How many lists a version has made that no other has taken the place of."""
    return sum(made.version == version and not made.superseded for made in lists)


def _served_by_its_run(version: Version) -> str:
    from churn.registry import runs  # MLflow, where no list tells

    return runs.get(version.run_id)["params"].get("snapshots.serve", "").strip('"')
