"""A small shop whose log lies in several CSV files: the same rows, however they are dealt out and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

CITIES = ["İzmir", "Genève", "Łódź"]  # a locale must not matter to them
MALFORMED = "k0007,2024-02-03,order,1.00,and something else\n"
DAYS = 300  # from 2024-01-01


def events(seed: int = 5, customers: int = 400) -> pd.DataFrame:
    """Orders and visits, some of them unusable: columns who, when, what, amount; all as text."""
    rng = np.random.default_rng(seed)
    fades, pace = rng.exponential(150, customers), rng.gamma(2.0, 6.0, customers)
    who = np.repeat(np.arange(customers), rng.poisson(pace) + 1)
    day = np.minimum(rng.exponential(fades[who]), DAYS - 1)
    micro = (day * 86_400_000_000).astype("int64")
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(micro, unit="us")
    what = np.where(rng.random(len(who)) < 0.4, "order", "visit")
    amount = [f"{cents / 100:.2f}" for cents in rng.integers(1, 20_000, len(who))]
    rows = pd.DataFrame({"who": [f"k{i:04d}" for i in who], "when": at.astype(str), "what": what, "amount": amount})
    rows.loc[rng.choice(len(rows), 9, replace=False), "amount"] = "n/a"
    return rows


def people(seed: int = 5, customers: int = 400) -> pd.DataFrame:
    """Who signed up when, and where they live."""
    rng = np.random.default_rng([seed, 1])
    return pd.DataFrame(
        {"who": [f"k{i:04d}" for i in range(customers)], "since": "2023-12-31", "city": rng.choice(CITIES, customers)}
    )


def write(folder: Path, *, names: list[str], shuffle: int | None = None) -> Path:
    """Deal the log out into files of these names, in order or shuffled, and write the params file beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, persons = events(), people()
    if shuffle is not None:
        rows, persons = rows.sample(frac=1, random_state=shuffle), persons.sample(frac=1, random_state=shuffle)
    for name, part in zip(names, np.array_split(np.arange(len(rows)), len(names)), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        rows.iloc[part].to_csv(folder / name, index=False)
    with (folder / names[-1]).open("a") as log:
        log.write(MALFORMED)
    persons.to_csv(folder / "people.csv", index=False)
    return params(folder)


def params(folder: Path) -> Path:
    """A params file for the log in that folder."""
    file = folder / "shop.yaml"
    data = {
        "source": "events",
        "path": str(folder / "log"),
        "columns": {"customer_id": "who", "at": "when", "kind": "what", "value": "amount"},
        "customers": {
            "path": str(folder / "people.csv"),
            "columns": {"customer_id": "who", "signup_at": "since"},
            "segments": ["city"],
        },
    }
    text = f"""experiment: shop
seed: 3
data: {yaml.safe_dump(data, default_flow_style=True)}
label: {{rule: inactivity, horizon_days: 45, active_within_days: 120}}
snapshots: {{train: [2024-04-01, 2024-05-01], test: 2024-07-01, serve: 2024-09-01}}
features: {{windows_days: [14, 60]}}
evaluate: {{bootstrap: 100}}
promote:
  rules: {{min_auc: 0.5, max_level_error: null, slope: null, max_shape_error: null, log_loss: null, min_leavers: null}}
"""
    file.write_text(text, encoding="utf-8")
    return file
