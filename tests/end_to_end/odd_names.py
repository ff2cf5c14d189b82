"""Inputs whose columns, kinds of events and segments have names as shops give them, and some that nobody should."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

# Held by every library: these stay what they are.
HELD = [
    "Tenure in Months", "_fivetran_charges", "2023_total", "class", "charges.month", "Umsatz (€/$) im $", "p", "row",
    "T", "values", "index", "self", "created", "count", "customer", "fault", "it's", 'the "best"', "a, b", "a__b",
    "__c__", "größe", "売上", "{x}", "[/b]", "100%", "<b>bold", "*star*|pipe", "n" * 200, "SELECT",
]  # fmt: skip
# Not held, or taken by what the training set and the feature store need.
MAPPED = {
    "event_timestamp": "usage_data.event_timestamp",
    "snapshot": "usage_data.snapshot",
    "churned": "usage_data.churned",
    "customer_id": "usage_data.customer_id",
    "RN": "usage_data.RN",
    "part": "usage_data.part",
    "loyalty_y": "loyalty_y_",
    "ratio 1:2": "ratio 1_2",
    "Aantal\n(stuks)": "Aantal (stuks)",
}
SEGMENTS = ["Soort klant (B2B)", "row", "churned", "plan", "plan_gold", "self", "loyalty_y", "days_since_visit"]
KINDS = ["Gift card", "gift-card", "visit", "Größe/Länge", "category y", "profile", "購入", "k" * 200, 'it\'s "new"']
VALUES = ["gold", "gold_x", "x", "[/b]", "$x$ *y*"]  # of segments
CUSTOMERS = 500

# What a page must show as text. Whoever runs it sets `window.ran`.
HOSTILE = [
    "<script>window.ran=1</script>", "<img src=x onerror=window.ran=1>", '"><svg onload=window.ran=1>',
    "'-(window.ran=1)-'", "</script><script>window.ran=1</script>", "{{7*7}}${7*7}", "javascript:window.ran=1",
    "../../../../etc/passwd", "--><script>window.ran=1</script>", "`window.ran=1`", "[x](javascript:window.ran=1)",
]  # fmt: skip


def tables(folder: Path) -> Path:
    """Ready-made features in two tables at four snapshots, and the params file."""
    rng = np.random.default_rng(3)
    snapshots = {f"2024-0{month}-01": f"m{month}" for month in (1, 2, 4, 6)}
    for place in snapshots.values():
        (folder / place).mkdir(parents=True)
        left = rng.random(CUSTOMERS) < 0.3
        rows = {"uid": [f"{10_000 + i}.0" for i in range(CUSTOMERS)]}
        for name in [*HELD, *MAPPED]:
            rows[name] = rng.normal(size=CUSTOMERS) + left * rng.random()
        rows["plan"] = rng.choice(["basic", "gold"], CUSTOMERS)
        users = {"uid": rows["uid"], "Plan": rng.choice(["a", "b"], CUSTOMERS), "since": "2023-05-01"}
        users["Soort klant (B2B)"] = rng.choice(["ja", "nein <i>"], CUSTOMERS)
        pd.DataFrame(rows).to_csv(folder / place / "usage data.csv", index=False)
        pd.DataFrame(users).to_csv(folder / place / "Users.csv", index=False)
        pd.DataFrame({"uid": rows["uid"], "gone": left}).to_csv(folder / place / "labels.csv", index=False)
    data = {
        "source": "tables", "path": str(folder), "columns": {"customer_id": "uid"}, "tables": ["usage data", "Users"],
        "snapshots": snapshots, "labels": {"table": "labels", "column": "gone", "horizon_days": 20},
        "segments": ["Soort klant (B2B)", "Plan"],
    }  # fmt: skip
    dates = {"train": ["2024-01-01", "2024-02-01"], "test": "2024-04-01", "serve": "2024-06-01"}
    train = {"trusted_features": ["loyalty_y", "class"], "model": "hist_gradient_boosting"}
    train["hist_gradient_boosting"] = {"max_iter": 10}
    return _params(folder / "tables.yaml", data, snapshots=dates, train=train)


def hostile(folder: Path) -> Path:
    """A log whose kinds, segments, their values, ids and file are such that a page may run them; the params file."""
    ids = np.array([f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(CUSTOMERS)])
    return events(folder / HOSTILE[1], kinds=HOSTILE[:3], segments=HOSTILE[3:6], values=HOSTILE, ids=ids)


def events(folder: Path, *, kinds=KINDS, segments=SEGMENTS, values=VALUES, ids=None) -> Path:
    """A log with such kinds and segments, and the params file."""
    ids = np.arange(CUSTOMERS) + 10_000 if ids is None else ids
    rng = np.random.default_rng(4)
    fades, pace = rng.exponential(150, CUSTOMERS), rng.gamma(2.0, 12.0, CUSTOMERS)
    who = np.repeat(np.arange(CUSTOMERS), rng.poisson(pace) + 1)
    day = np.minimum(rng.exponential(fades[who]), 364)
    at = pd.Timestamp("2023-01-01") + pd.to_timedelta((day * 86_400_000_000).astype("int64"), unit="us")
    log = {"Klant (nr.)": ids[who], "Datum/tijd": at}
    log |= {"class": rng.choice(kinds, len(who)), "Bedrag, in €": rng.integers(1, 500, len(who))}
    people = {"who": ids, "since": "2022-12-31"}
    people |= {name: rng.choice(values, CUSTOMERS) for name in segments}
    folder.mkdir(parents=True)
    pd.DataFrame(log).to_csv(folder / "log.csv", index=False)
    pd.DataFrame(people).to_csv(folder / "people.csv", index=False)
    columns = {"customer_id": "who", "signup_at": "since"}
    data = {
        "source": "events", "path": str(folder / "log.csv"),
        "columns": dict(zip(["customer_id", "at", "kind", "value"], log, strict=True)),
        "customers": {"path": str(folder / "people.csv"), "columns": columns, "segments": segments},
    }  # fmt: skip
    label = {"rule": "inactivity", "horizon_days": 45, "active_within_days": 90, "kinds": kinds}
    dates = {"train": ["2023-05-01", "2023-06-01"], "test": "2023-09-01", "serve": "2023-11-01"}
    return _params(folder / "events.yaml", data, snapshots=dates, label=label, features={"windows_days": [14, 60]})


def _dates(given: str | list[str]) -> date | list[date]:
    return date.fromisoformat(given) if isinstance(given, str) else [*map(date.fromisoformat, given)]


def _params(file: Path, data: dict, **sections) -> Path:
    rules = dict.fromkeys(
        ("min_auc", "max_level_error", "slope", "max_shape_error", "log_loss", "min_leavers", "min_profit")
    )
    rest = {"experiment": file.stem, "seed": 1, "evaluate": {"bootstrap": 50}, "promote": {"rules": rules}}
    sections["snapshots"] = {part: _dates(given) for part, given in sections["snapshots"].items()}
    file.write_text(yaml.safe_dump(rest | {"data": data} | sections, allow_unicode=True), encoding="utf-8")
    return file
