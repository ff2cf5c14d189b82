"""An alarm with a stated error: a model that keeps its promise is called broken in at most 5% of all lifetimes.

An e-process (Ramdas, Grünwald, Vovk & Shafer 2023, Statistical Science 38) may be looked at every month for ever: while
the promise is kept it reaches LIMIT with probability 1 / LIMIT at most (Ville's inequality). Its unit is the month,
for a shock moves all customers of a month at once. docs/monitoring.md derives what is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from scipy.special import betaln, expit, logit, logsumexp

from churn.evaluation import metrics, resampling
from churn.monitoring import estimate
from churn.training import levels

LIMIT = 20.0  # 1 / 5%
SHORTEST_MONTH = 28  # days
SHIFTS = np.array([0.1, 0.2, 0.4, 0.8, 1.6])  # log-odds beyond the tolerance that a broken level may be off by
LOSSES = np.array([1.0, 2.0, 4.0, 8.0])  # standard errors beyond the tolerance that a broken ranking may be off by
LEAST_SHOCK = 0.001  # standard deviation of a month's own share of leavers, beyond the tolerance
LEAST_LOSS = 0.015  # AUC that may be lost at least: half of what has to be noticed
AUC_SHOCK = 0.004  # standard deviation of a month's own AUC beyond that of its customers
FEW = 20  # leavers, or stayers, with fewer of whom no AUC is judged
SPEAKS = ("more left than was promised", "fewer left than was promised", "leavers are ranked worse than was promised")


@dataclass(frozen=True)
class Month:
    """One list whose labels have matured: what it promised, and what came true.

    `observed`: share of leavers; `predicted`: mean probability; `margin`: half of the interval that the list gave to
    the share. `auc_error`: standard error; `auc_expected`: that of the probabilities if they mean what they say.
    `observed_uncontacted`: the share had nobody been contacted, told as surely as by so many `customers_uncontacted`.
    """

    snapshot: str
    version: int
    known_on: str  # snapshot + horizon
    customers: int
    observed: float
    predicted: float
    log_loss: float
    log_loss_expected: float
    log_loss_promised: float | None = None
    log_loss_high: float | None = None
    auc: float | None = None
    auc_error: float | None = None
    auc_expected: float | None = None
    auc_promised: float | None = None
    auc_low: float | None = None
    margin: float | None = None
    observed_uncontacted: float | None = None
    customers_uncontacted: int | None = None


@dataclass(frozen=True)
class Alarm:
    """Whether an alarm stands, since which snapshot the model is broken, and how the evidence grew.

    `e_value`: of the lifetime that is judged now, `limit` where it is called broken. `path`, a month each: snapshot,
    known_on, version, lifetime, e_value, speaks (one of SPEAKS), tested (false: its horizon overlaps those tested).
    """

    standing: bool
    raised_on: str | None
    since: str | None
    e_value: float
    limit: float
    path: list[dict]
    why: str


def month_of(y: np.ndarray, p: np.ndarray, document: dict, *, horizon_days: int) -> Month:
    """The month of a list, `document` its list.json, from outcomes and probabilities of its customers, shape (n,)."""
    promised, level = document.get("promised") or {}, document.get("level") or {}
    auc, log_loss = (promised.get(name) or {} for name in ("auc", "log_loss"))
    y, p = np.asarray(y, dtype="int64"), np.asarray(p, dtype="float64")
    auc_observed, error = ranked(y, p)
    return Month(
        snapshot=document["snapshot"],
        version=document["version"],
        known_on=str(date.fromisoformat(document["snapshot"]) + timedelta(days=horizon_days)),
        customers=len(y),
        observed=float(y.mean()),
        predicted=float(p.mean()),
        log_loss=float(metrics.log_losses(y, p).mean()),
        log_loss_expected=float(estimate.entropy(p).mean()),
        log_loss_promised=log_loss.get("estimate"),
        log_loss_high=log_loss.get("high"),
        auc=auc_observed,
        auc_error=error,
        auc_expected=estimate.expected_auc(p) if auc_observed is not None else None,
        auc_promised=auc.get("estimate"),
        auc_low=auc.get("low"),
        margin=level.get("margin"),
    )


def judge(
    months: Iterable[Month], *, tolerance: float, horizon_days: int, lists: Iterable[tuple[str, int]] = ()
) -> Alarm:
    """The alarm after these months, in any order. `tolerance`: how far the share of leavers may be off; `lists`:
    snapshot and version of every list so far, those too whose labels have not matured.

    An alarm stands until a list of a version whose first list is not older than the alarm: a new lifetime begins.
    """
    months = _one_a_snapshot(months)
    listed = sorted({*lists, *((month.snapshot, month.version) for month in months)})
    first = {version: snapshot for snapshot, version in reversed(listed)}
    raised, path = None, []
    while True:
        begins = raised["known_on"] if raised else ""
        lifetime = _Lifetime(len({row["lifetime"] for row in path}) + 1, tolerance, horizon_days)
        judged = [lifetime.see(month) for month in months if first[month.version] >= begins]
        crossed = next((at for at, row in enumerate(judged) if row["e_value"] >= LIMIT), None)
        path += judged if crossed is None else judged[: crossed + 1]
        if crossed is None:
            break
        raised = judged[crossed]
    standing = raised is not None and first[listed[-1][1]] < raised["known_on"]
    return _told(raised, path, judged, standing)


def ranked(y: np.ndarray, p: np.ndarray) -> tuple[float | None, float | None]:
    """AUC and standard error (DeLong, DeLong & Clarke-Pearson 1988); None with too FEW of either kind."""
    if not FEW <= y.sum() <= len(y) - FEW:
        return None, None
    left, stayed = resampling.placements(y, p)
    return float(left.mean()), float(np.sqrt(left.var(ddof=1) / len(left) + stayed.var(ddof=1) / len(stayed)))


def evidence(month: Month, tolerance: float) -> np.ndarray:
    """Log of the e-values of a month, shape (3,), in the order of SPEAKS: each has mean 1 at most while the share of
    leavers is off by no more than the tolerance, or the list's own margin, and the AUC by no more than was promised.

    A contact may keep a customer, and makes none leave: too many leavers are counted as they are, too few as they would
    have been without contacts.
    """
    margin, customers = month.margin or 0.0, month.customers
    allowed, shock = max(tolerance, margin), max(LEAST_SHOCK, margin - levels.LEAST)
    more = _share(round(month.observed * customers), customers, month.predicted + allowed, shock)
    observed = month.observed
    if month.observed_uncontacted is not None:
        observed, customers = month.observed_uncontacted, month.customers_uncontacted
    fewer = _share(customers - round(observed * customers), customers, 1 - month.predicted + allowed, shock)
    return np.array([more, fewer, _ranking(month)])


def _share(count: int, customers: int, rate: float, shock: float) -> float:
    """Log e-value of `count` against any share up to `rate`: beta-binomial likelihoods, whose ratio rises with the
    count; customers of different risk vary less than that (Hoeffding 1956, Annals of Mathematical Statistics 27)."""
    if rate >= 1:
        return 0.0
    alike = max(rate * (1 - rate) / shock**2 - 1, 1.0)  # as many customers as would vary as much as the shock does
    shares = np.concatenate([[rate], expit(logit(rate) + SHIFTS)])
    a, b = shares * alike, (1 - shares) * alike
    log_likelihood = betaln(count + a, customers - count + b) - betaln(a, b)
    return float(logsumexp(log_likelihood[1:] - log_likelihood[0]) - np.log(len(SHIFTS)))


def _ranking(month: Month) -> float:
    """Log e-value of the AUC against any that is as good as was promised, or as the probabilities themselves expect,
    whichever is less, but for the half of the promised interval; normal likelihoods."""
    if month.auc is None:
        return 0.0
    said = [auc for auc in (month.auc_promised, month.auc_expected) if auc is not None]
    half = 0.0 if month.auc_promised is None or month.auc_low is None else month.auc_promised - month.auc_low
    missing = (min(said) - max(half, LEAST_LOSS) - month.auc) / np.hypot(month.auc_error, AUC_SHOCK)
    return float(logsumexp(LOSSES * missing - LOSSES**2 / 2) - np.log(len(LOSSES)))


@dataclass
class _Process:
    """One e-process over months whose horizons do not overlap: sum over k of w(k) times the product of the e-values
    from month k on, w(k) = 1 / (k (k + 1)), so that a break late in a long life finds wealth that was not yet bet."""

    months: int = 0
    log_bet: np.ndarray = field(default_factory=lambda: np.full(len(SPEAKS), -np.inf))
    since: list[str] = field(default_factory=lambda: [""] * len(SPEAKS))
    until: str = ""  # when the labels of its last month were known

    def see(self, month: Month, log_e: np.ndarray) -> None:
        self.months += 1
        log_weight = -np.log(self.months * (self.months + 1))
        self.since = [
            month.snapshot if log_weight > bet else s for bet, s in zip(self.log_bet, self.since, strict=True)
        ]
        self.log_bet, self.until = np.logaddexp(self.log_bet, log_weight) + log_e, month.known_on

    @property
    def log_e(self) -> np.ndarray:
        """Of each of SPEAKS, shape (3,)."""
        return np.logaddexp(self.log_bet, -np.log(self.months + 1))


class _Lifetime:
    """The months of one lifetime, dealt out so that those of one process do not overlap: what is known when a list is
    made must hold the labels of the months before it. Each process may reach LIMIT times their number, no more."""

    def __init__(self, number: int, tolerance: float, horizon_days: int) -> None:
        self._number, self._tolerance = number, tolerance
        self._processes = [_Process() for _ in range(max(1, -(-horizon_days // SHORTEST_MONTH)))]

    def see(self, month: Month) -> dict:
        """A row of Alarm.path."""
        free = next((process for process in self._processes if process.until <= month.snapshot), None)
        if free:
            free.see(month, evidence(month, self._tolerance))
        strongest = max(self._processes, key=lambda process: logsumexp(process.log_e))
        log_e, speaks = strongest.log_e, int(np.argmax(strongest.log_e))
        e_value = np.exp(min(logsumexp(log_e) - np.log(len(SPEAKS) * len(self._processes)), 700.0))
        return {
            "snapshot": month.snapshot,
            "known_on": month.known_on,
            "version": month.version,
            "lifetime": self._number,
            "e_value": float(e_value),
            "speaks": SPEAKS[speaks],
            "since": strongest.since[speaks] or month.snapshot,
            "tested": free is not None,
        }


def _one_a_snapshot(months: Iterable[Month]) -> list[Month]:
    """By snapshot; of several lists at one, that of the newest version, which took the place of the others."""
    in_order = sorted(months, key=lambda month: (month.snapshot, month.version, month.customers, month.predicted))
    return list({month.snapshot: month for month in in_order}.values())


def _told(raised: dict | None, path: list[dict], lifetime: list[dict], standing: bool) -> Alarm:
    now = raised if standing else (lifetime[-1] if lifetime else None)
    e_value = now["e_value"] if now else 1.0
    if standing:
        evidence = f"{e_value:,.0f}" if e_value < 1e6 else "over a million"
        why = f"from the list of {raised['since']} on {raised['speaks']}; the evidence is {evidence}, and {LIMIT:g} is "
        why += "reached by chance in 5% of all lifetimes"
    elif now is None:
        why = "no labels of a list have matured yet" if raised is None else "a new version has begun a new lifetime"
    else:
        months = f"{len(lifetime)} month{'s' * (len(lifetime) > 1)}"
        why = f"after {months} the evidence is {e_value:.2g}; an alarm is raised at {LIMIT:g}"
    since = raised and raised["since"]
    return Alarm(standing, raised and raised["known_on"], since, e_value, LIMIT, path, why)
