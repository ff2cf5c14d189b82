"""What last year's level is worth: the simulated shop with a season, and without one, at many snapshots and seeds.

`python benchmarks/season.py`. At every origin, a month's first day, a model is fitted as a run as of then would fit it,
and its level there follows the rule of `churn/training/levels.py`, from what was known by then. The features are the
product's own; they are kept in --cache, so that a second run measures a changed rule in minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import sys
import tempfile
from collections.abc import Iterable
from functools import reduce
from pathlib import Path

import pandas as pd
from scipy.special import expit
from sklearn.metrics import roc_auc_score

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)

from churn import engine  # noqa: E402
from churn.evaluation import calibration  # noqa: E402
from churn.features.definitions import from_events, pace, terms  # noqa: E402
from churn.params import schema  # noqa: E402
from churn.registry import gate  # noqa: E402
from churn.sources import inputs  # noqa: E402
from churn.training import dataset, estimators, labels, levels  # noqa: E402

PARAMS = schema.load(PROJECT / "params" / "shop.yaml").model_dump(exclude_none=True)
DATA, LABEL, NEWEST = PARAMS["data"], PARAMS["label"], PARAMS["snapshots"]["train"]
LOGS = {"season": {}, "no season": {"season": 0.0}, "no season, growing": {"season": 0.0, "growth": 1.0}}
HEAD = ["log", "origins", "AUC", "season used", "missed without", "missed with the rule", "made worse by"]
HEAD += ["half of the interval", "it covers", "passes the gate", "would without, where that misses by .05"]
ELSEWHERE = ("log_loss", "champion_margin", "best_margin", "segment_margin", "min_profit", "parity", "signature")
ORIGINS = pd.date_range("2024-09-01", "2025-10-01", freq="MS").strftime("%Y-%m-%d")
SNAPSHOTS = pd.date_range("2023-01-01", ORIGINS[-1], freq="MS").strftime("%Y-%m-%d")


def main() -> None:
    given = _parser().parse_args()
    Path(given.cache).mkdir(parents=True, exist_ok=True)
    settings = PARAMS["features"] | json.loads(given.features)
    print(line(HEAD), line("---" for _ in HEAD), sep="\n")
    for name, changed in LOGS.items():
        seen = []
        for seed in range(given.seeds):
            data = DATA | {"customers": given.customers, "seed": seed} | changed
            table, features = known_customers(data, settings, Path(given.cache))
            seen += [measured(table, features, origin) | {"seed": seed} for origin in ORIGINS]
        print(line([name, *summary(pd.DataFrame(seen))]), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=DATA["customers"])
    parser.add_argument("--features", default="{}", help="""what differs from the params file: '{"recipe": "both"}'""")
    parser.add_argument("--cache", default=f"{tempfile.gettempdir()}/papertrail-season")
    return parser


def known_customers(data: dict, settings: dict, cache: Path) -> tuple[pd.DataFrame, list[str]]:
    """Who counts at each of SNAPSHOTS, with features and label, as the train notebook has them; and the features."""
    made_of = [data, settings, LABEL, list(SNAPSHOTS), *map(inspect.getsource, (from_events, pace))]
    kept = cache / f"{hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]}.parquet"
    if not kept.exists():
        rows, features = _computed(data, settings)
        kept.with_suffix(".json").write_text(json.dumps({"features": features}))
        engine.frame_to_parquet(rows, kept)
    manifest = json.loads(kept.with_suffix(".json").read_text())
    return dataset.typed(engine.frame(kept), manifest), [feature["name"] for feature in manifest["features"]]


def _computed(data: dict, settings: dict) -> tuple[pd.DataFrame, list[dict]]:
    con = engine.connect()
    with tempfile.TemporaryDirectory() as folder:
        source = inputs.read(con, data, Path(folder))
        told = terms.settings(source, before=SNAPSHOTS[-1], earliest=SNAPSHOTS[0], label=LABEL, **settings)
        views = (from_events.views(source.events, source.customers, snapshot=s, **told) for s in SNAPSHOTS)
        of = labels.build(source.events, source.customers, None, snapshots=list(SNAPSHOTS), label=LABEL).execute()
        rows = of.merge(pd.concat(map(_joined, views)), on=["customer_id", "snapshot"], validate="1:1")
        return rows, [feature.entry() for feature in from_events.described(**told)]


def _joined(views: dict) -> pd.DataFrame:
    tables = [view.execute() for view in views.values()]
    return reduce(lambda left, right: left.merge(right, on=["customer_id", "snapshot"], validate="1:1"), tables)


def measured(table: pd.DataFrame, features: list[str], origin: str) -> dict:
    """A model and its level as of an origin: what it promised there, and what came."""
    rule = levels.Rule(NEWEST, LABEL["horizon_days"], "month", "2022-01-01", LABEL["active_within_days"])
    newest = [s for s in SNAPSHOTS if rule.known(s, origin)][-NEWEST:]
    train, test = table[table.snapshot.isin(pd.to_datetime(newest, utc=True))], table[table.snapshot == origin]
    settings = {"model": "logistic", "settings": PARAMS["train"]["logistic"], "seed": 7}
    model = estimators.fit(train[features], train.churned.to_numpy(dtype="int64"), **settings)
    of_model = levels.of_model(model, table[table.snapshot <= origin], features, rule)
    without = levels.of_model(
        model, table[table.snapshot <= origin], features, levels.Rule(NEWEST, LABEL["horizon_days"])
    )
    level = of_model.at(origin)
    log_odds, observed = estimators.log_odds(model, test[features]), test.churned.mean()
    promised, auc = level.expected(log_odds), roc_auc_score(test.churned, log_odds)
    return {
        "origin": origin,
        "auc": auc,
        "without": expit(log_odds).mean() - observed,
        "miss": promised["mean"] - observed,
        "season": level.season,
        "told": level.margin is not None,
        "covered": level.margin is not None and promised["low"] <= observed <= promised["high"],
        "margin": level.margin,
        "passes": passes(of_model.origins(origin), auc),
        "passes_without": passes(without.origins(origin), auc),
    }


def passes(origins: calibration.Origins, auc: float) -> bool:
    """Whether the gate's floor and its rules on probabilities let a model through."""
    point = dict.fromkeys(("estimate", "low", "high"), auc)
    seen = gate.Evidence(auc=point, calibration=calibration.judge(origins, seed=7).document(), log_loss={})
    return gate.decide(seen, rules=PARAMS["promote"]["rules"] | dict.fromkeys(ELSEWHERE)).promote


def summary(of: pd.DataFrame) -> list[str]:
    """The cells of a log below HEAD: misses in absolute value; `made worse` of the seed to which the rule did most."""
    without, miss = of.without.abs(), of.miss.abs()
    worse, off = (miss - without).groupby(of.seed).mean().max(), of.passes_without[without > 0.05]
    cells = [f"{len(of)}", f"{of.auc.mean():.3f}", f"{of.season.mean():.1%}"]
    cells += [f"{x.mean():.3f} (worst {x.max():.3f})" for x in (without, miss)]
    cells += [f"{worse:+.4f}", f"{of.margin.mean():.3f}", f"{of.covered[of.told].mean():.1%}"]
    return [*cells, f"{of.passes.mean():.1%}", f"{off.mean():.1%} of {len(off)}" if len(off) else ""]


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
