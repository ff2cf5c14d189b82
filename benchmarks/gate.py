"""Does the gate let good models through and keep bad ones out? On simulated customers, no pipeline, one core.

`python benchmarks/gate.py [--seeds 100]` prints the tables of docs/explanation/decisions.md. Every seed draws customers
with probabilities of their own, outcomes from these, and models that see the probabilities more or less well; the
rules are those of the gate with their default limits.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict

import numpy as np

from churn.evaluation import calibration, resampling
from churn.params.decision import Rules
from churn.registry.gate import Decision, Evidence, decide

LIMITS = Rules().model_dump()
BY_PROBABILITY = ("min_auc", "max_level_error", "slope", "max_shape_error", "min_leavers")
SPREAD, BASE = 1.5, 0.45  # standard deviation of the log-odds, and share that leaves: an AUC of .81
NOISE = 0.2  # of every model: two equal ones differ in AUC by .0024 (one deviation) on 1,819 customers; on CDNOW .0027
LOSSES = (0.0, 0.002, 0.005, 0.01, 0.02)  # of AUC
COSTS = ([0, 0.00074, 0.00292, 0.00645, 0.01119, 0.01698, 0.03088], [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7])  # more noise


def customers(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and true probabilities."""
    truth = calibration.with_mean(1 / (1 + np.exp(-rng.normal(0, SPREAD, n))), BASE)
    return (rng.random(n) < truth).astype(int), truth


def flawed(truth: np.ndarray, kind: str) -> np.ndarray:
    """A model that is perfect but for one flaw."""
    odds = np.log(truth / (1 - truth))
    return {
        "perfect": truth,
        "constant": np.full(len(truth), truth.mean()),
        "overconfident (slope .6)": 1 / (1 + np.exp(-odds / 0.6)),
        "shifted by +.1": calibration.with_mean(truth, truth.mean() + 0.1),
        "shifted by -.1": calibration.with_mean(truth, truth.mean() - 0.1),
    }[kind]


KINDS = ("perfect", "constant", "overconfident (slope .6)", "shifted by +.1", "shifted by -.1")


def by_probability(n: int, kind: str, seed: int, origins: int) -> Decision:
    """The rules on a model's probabilities alone, over so many known snapshots of n customers each."""
    rng = np.random.default_rng(seed)
    drawn = [customers(n, rng) for _ in range(origins)]
    known = {f"{number:02}": (y, flawed(truth, kind)) for number, (y, truth) in enumerate(drawn)}
    y, p = known[max(known)]
    half = resampling.auc_difference(y, p, np.full(n, 0.5))
    auc = {"estimate": half.estimate + 0.5, "low": half.low + 0.5, "high": half.high + 0.5}
    judged = calibration.judge(known, seed=seed, draws=500).document()
    rules = dict.fromkeys(LIMITS) | {name: LIMITS[name] for name in BY_PROBABILITY}
    return decide(Evidence(auc=auc, calibration=judged, log_loss={}), rules=rules)


def sees(truth: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """A model that sees the log-odds through noise, and says what is true on average of what it sees."""
    odds = np.log(truth / (1 - truth))
    total = noise**2 + NOISE**2
    seen = odds.mean() + (odds - odds.mean() + rng.normal(0, np.sqrt(total), len(odds))) / (1 + total / odds.var())
    left = odds.var() * total / (odds.var() + total)  # what the noise leaves open flattens the mean probability
    return 1 / (1 + np.exp(-seen / np.sqrt(1 + np.pi * left / 8)))


def against(y: np.ndarray, p: np.ndarray, other: np.ndarray, seed: int) -> dict:
    """A candidate's differences from a champion, as the gate takes them."""
    loss = resampling.log_loss_differences(y, p, {"champion": other}, replicates=200, seed=seed)["champion"]
    return {"auc": asdict(resampling.auc_difference(y, p, other)), "log_loss": asdict(loss), "customers": len(y)}


def replacement(n: int, loss: float, seed: int, relation: dict) -> Decision:
    """The champion's rule on a candidate that is truly worse by `loss` AUC."""
    rng = np.random.default_rng(seed)
    y, truth = customers(n, rng)
    p, other = sees(truth, _noise(loss), rng), sees(truth, 0.0, rng)
    champion = against(y, p, other, seed) | {"relation": relation}
    rules = dict.fromkeys(LIMITS) | {"champion_margin": LIMITS["champion_margin"]}
    return decide(Evidence(auc={}, calibration=None, log_loss={}, champion=champion), rules=rules)


def chain(n: int, each: float, seed: int, margin: float | None, months: int = 24) -> tuple[int, float]:
    """Monthly refreshes of which each is worse by `each` AUC than the champion it meets, on a new sample every month.

    Returns how many were promoted, and how much AUC the one in production has lost in the end.
    """
    rng, lineage, relation = np.random.default_rng(seed), [0.0], {"same_recipe": True, "as_new": True, "simpler": False}
    rules = dict.fromkeys(LIMITS) | {"champion_margin": LIMITS["champion_margin"], "best_margin": margin}
    for _ in range(months):
        y, truth = customers(n, rng)
        lost = lineage[-1] + each
        p = sees(truth, _noise(lost), rng)
        earlier = [sees(truth, _noise(before), rng) for before in lineage[-13:]]
        seen = [
            {"version": v} | asdict(resampling.auc_difference(y, p, other, of=len(earlier) - 1))
            for v, other in enumerate(earlier[:-1])
        ]
        champion = against(y, p, earlier[-1], seed) | {"relation": relation}
        found = decide(Evidence(auc={}, calibration=None, log_loss={}, champion=champion, earlier=seen), rules=rules)
        lineage += [lost] if found.promote else []
    return len(lineage) - 1, lineage[-1]


def _noise(lost: float) -> float:
    """The noise that costs so much AUC, found on 1,500,000 customers."""
    return float(np.interp(lost, *COSTS))


def _outcome(found: Decision) -> str:
    return "passes" if found.promote else "undecided" if found.undecided else "refused"


def _row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def probabilities(seeds: int) -> None:
    """How often models with one flaw each pass, by customers and by known snapshots."""
    _row("customers", "known snapshots", *KINDS)
    _row(*["---"] * (2 + len(KINDS)))
    for n, origins in ((500, 1), (500, 12), (2000, 1), (2000, 12), (20_000, 1)):
        cells = []
        for kind in KINDS:
            told = Counter(_outcome(by_probability(n, kind, seed, origins)) for seed in range(seeds))
            cells.append(f"{told['passes']} pass" + (f", {told['undecided']} undecided" if told["undecided"] else ""))
        _row(f"{n:,}", origins, *cells)


def power(seeds: int) -> None:
    """How often a candidate that is truly worse is refused, by customers; a refresh, and another recipe."""
    refresh, other = ({"same_recipe": same, "as_new": True, "simpler": False} for same in (True, False))
    _row("customers", *(f"worse by {loss:g}" if loss else "equal" for loss in LOSSES), "equal, another recipe")
    _row(*["---"] * (2 + len(LOSSES)))
    for n in (1000, 5000, 25_000):
        found = [sum(not replacement(n, loss, seed, refresh).promote for seed in range(seeds)) for loss in LOSSES]
        _row(f"{n:,}", *found, sum(not replacement(n, 0.0, seed, other).promote for seed in range(seeds)))


def memory(seeds: int) -> None:
    """What 24 refreshes lose that are each a little worse, with and without the best of the last twelve."""
    _row("customers", "each month loses", "promoted of 24, without", "AUC lost", "with `best_margin`", "AUC lost")
    _row(*["---"] * 6)
    for n in (1000, 5000):
        for each in (0.0, 0.001):
            cells = []
            for margin in (None, LIMITS["best_margin"]):
                ends = np.array([chain(n, each, seed, margin) for seed in range(max(2, seeds // 10))])
                cells += [f"{ends[:, 0].mean():.1f}", f"{ends[:, 1].mean():.4f}"]
            _row(f"{n:,}", each, *cells)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    given = parser.parse_args()
    for table in (probabilities, power, memory):
        print(f"\n{table.__doc__}\n")
        table(given.seeds)
