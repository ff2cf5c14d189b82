"""Months of lists over a small simulated subscription business, whose probabilities mean what they say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from churn import engine, state
from churn.monitoring.matured import Matured
from churn.scoring import lists
from churn.scoring.lists import ScoreList
from churn.sources import contract, inputs
from churn.training import labels

LABEL = {"rule": "event", "kind": "cancel", "horizon_days": 30}
SEGMENTS = ["plan", "country"]
PROMISED = {
    "auc": {"estimate": 0.77, "low": 0.74, "high": 0.8},
    "log_loss": {"estimate": 0.2, "low": 0.18, "high": 0.22},
}
EXPECTED = {"mean": 0.06, "low": 0.03, "high": 0.09}


@pytest.fixture(scope="session")
def business(shared) -> Path:
    """A state folder with the log of `mine`, from 2023-01-01 to 2023-08-31."""

    def make(folder: Path) -> None:
        data = {"source": "streaming", "customers": 1500, "months": 8, "seed": 7}
        inputs.read(engine.connect(), data, folder / "mine" / "source")

    return shared("business", make)


@pytest.fixture
def mine(business, state_folder) -> dict:
    """A state folder of the test's own with that log, and the manifest of its features."""
    shutil.copytree(business, state_folder, dirs_exist_ok=True)
    features = [{"name": name, "type": "category", "view": "profile"} for name in SEGMENTS]
    staged = str(state.path("mine", "source"))
    return {"experiment": "mine", "features": features, "segments": SEGMENTS, "source": {}, "staged": staged}


@pytest.fixture
def listed(mine) -> Callable[..., ScoreList]:
    """Write the list of a snapshot: everybody who counts then, with probabilities drawn so that they are right."""
    source = contract.reopen(engine.connect(), mine)

    def _listed(
        snapshot: str, version: int = 1, *, off: float = 0.0, control: float = 0.2, dated: str = "", **more
    ) -> ScoreList:
        known = labels.build(source.events, source.customers, None, snapshots=[snapshot], label=LABEL).execute()
        known = known.sort_values("customer_id", ignore_index=True)
        rows = pd.DataFrame({"customer_id": known.customer_id, "probability": right(known.churned, off)})
        top = rows.probability >= rows.probability.quantile(0.8)
        kept_back = np.random.default_rng(1).random(len(rows)) < control
        rows["group"] = np.select([top & kept_back, top], ["control", "contact"], "none")
        document = {"experiment": "mine", "snapshot": dated or snapshot, "version": version}
        document |= {"promised": PROMISED}
        level = {"log_odds": 0.1, "margin": 0.03, "expected": EXPECTED}
        made = state.path("mine", "made")
        made.mkdir(exist_ok=True)
        rows.to_parquet(made / lists.ROWS, index=False)
        rows.to_csv(made / lists.TEXT, index=False)
        return lists.put(made, document | {"level": level} | more)

    return _listed


def right(churned: pd.Series, off: float = 0.0) -> np.ndarray:
    """Probabilities that mean what they say, but for `off`, with an AUC of some 0.77: what a noisy look at the outcome
    tells of it."""
    y, rate = churned.to_numpy(dtype="int64"), churned.mean()
    seen = 1.05 * y + np.random.default_rng(7).standard_normal(len(y))
    told = rate * norm.pdf(seen, 1.05), (1 - rate) * norm.pdf(seen)
    return np.clip(told[0] / sum(told) + off, 0.001, 0.999)


def came(rows: pd.DataFrame, *, snapshot: str = "2023-05-01", version: int = 1, **changed) -> Matured:
    """A list that has come true."""
    return Matured("list", snapshot, version, {"snapshot": snapshot, "version": version}, rows, **changed)
