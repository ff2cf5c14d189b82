"""What last year's level is worth: the simulated shop with a season, and without one, at many snapshots and seeds.

`python benchmarks/season.py`. At every origin, a month's first day, a model is fitted as a run as of then would fit it,
and its level there follows the rule of `churn/training/levels.py`, from what was known by then. The features are the
product's own; they are kept in --cache, so that a second run measures a changed rule in a minute.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from functools import reduce
from pathlib import Path

import pandas as pd
import yaml
from scipy.special import expit
from sklearn.metrics import roc_auc_score

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)

from churn import engine  # noqa: E402
from churn.features import from_events  # noqa: E402
from churn.sources import inputs  # noqa: E402
from churn.training import dataset, estimators, labels, levels  # noqa: E402

PARAMS = yaml.safe_load((PROJECT / "params" / "shop.yaml").read_text())
LOGS = {"season": {}, "no season": {"season": 0.0}, "no season, growing": {"season": 0.0, "growth": 1.0}}
NEWEST = 4  # snapshots that a model learns from
ORIGINS = pd.date_range("2024-09-01", "2025-10-01", freq="MS").strftime("%Y-%m-%d")
SNAPSHOTS = pd.date_range("2022-04-01", ORIGINS[-1], freq="MS").strftime("%Y-%m-%d")


def main() -> None:
    given = _parser().parse_args()
    Path(given.cache).mkdir(parents=True, exist_ok=True)
    seen = []
    for name, changed in LOGS.items():
        for seed in range(given.seeds):
            data = PARAMS["data"] | {"customers": given.customers, "seed": seed} | changed
            table, features = known_customers(data, Path(given.cache))
            seen += [measured(table, features, origin) | {"log": name, "seed": seed} for origin in ORIGINS]
    print(summary(pd.DataFrame(seen)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=PARAMS["data"]["customers"])
    parser.add_argument("--cache", default=f"{tempfile.gettempdir()}/papertrail-season")
    return parser


def known_customers(data: dict, cache: Path) -> tuple[pd.DataFrame, list[str]]:
    """Who counts at each of SNAPSHOTS, with features and label, as the train notebook has them; and the features."""
    settings = PARAMS["features"] | {"kinds": ["purchase", "return"], "segments": ["channel", "country"]}
    described = [feature.entry() for feature in from_events.described(**settings)]
    key = hashlib.sha256(json.dumps([data, described, PARAMS["label"], list(SNAPSHOTS)]).encode()).hexdigest()[:16]
    kept = cache / f"{key}.parquet"
    if not kept.exists():
        engine.frame_to_parquet(_computed(data, settings), kept)
    table = dataset.typed(engine.frame(kept), {"features": described})
    return table, [feature["name"] for feature in described]


def _computed(data: dict, settings: dict) -> pd.DataFrame:
    con = engine.connect()
    with tempfile.TemporaryDirectory() as folder:
        source = inputs.read(con, data, Path(folder))
        of = labels.build(source.events, source.customers, None, snapshots=list(SNAPSHOTS), label=PARAMS["label"])
        features = [
            _joined(from_events.views(source.events, source.customers, snapshot=s, **settings)) for s in SNAPSHOTS
        ]
        return of.execute().merge(pd.concat(features), on=["customer_id", "snapshot"], validate="1:1")


def _joined(views: dict) -> pd.DataFrame:
    tables = [view.execute() for view in views.values()]
    return reduce(lambda left, right: left.merge(right, on=["customer_id", "snapshot"], validate="1:1"), tables)


def measured(table: pd.DataFrame, features: list[str], origin: str) -> dict:
    """A model and its level as of an origin: what it promised there, and what came."""
    label = PARAMS["label"]
    rule = levels.Rule(NEWEST, label["horizon_days"], "month", "2022-01-01", label["active_within_days"])
    day = table.snapshot.dt.strftime("%Y-%m-%d")
    train = table[day.isin([s for s in SNAPSHOTS if rule.known(s, origin)][-NEWEST:])]
    settings = {"model": "logistic", "settings": {"C": 1.0}, "seed": 7}
    model = estimators.fit(train[features], train.churned.to_numpy(dtype="int64"), **settings)
    seen = {s: table[day == s] for s in SNAPSHOTS if s <= origin}
    known = {s: (model.decision_function(of[features]), of.churned.to_numpy("int64")) for s, of in seen.items()}
    level = levels.Levels(known, rule).at(origin)
    log_odds, churned = known[origin]
    observed, promised = churned.mean(), level.expected(log_odds)
    return {
        "origin": origin,
        "auc": roc_auc_score(churned, log_odds),
        "without": expit(log_odds).mean() - observed,
        "miss": promised["mean"] - observed,
        "season": level.season,
        "told": level.margin is not None,
        "covered": level.margin is not None and promised["low"] <= observed <= promised["high"],
        "margin": level.margin,
    }


def summary(seen: pd.DataFrame) -> str:
    rows = [
        "| log | origins | AUC | season used | level's miss without | with the rule | made worse | interval | covers |"
    ]
    rows.append("|" + "---|" * 9)
    for name, of in seen.groupby("log", sort=False):
        without, miss = of.without.abs(), of.miss.abs()
        worse = (miss - without).groupby(of.seed).mean().max()
        cells = [name, len(of), f"{of.auc.mean():.3f}", f"{of.season.mean():.1%}"]
        cells += [f"{x.mean():.3f} (worst {x.max():.3f})" for x in (without, miss)]
        cells += [f"{worse:+.4f}", f"{of.margin.mean():.3f}", f"{of.covered[of.told].mean():.1%}"]
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
