"""Two versions side by side, the differences marked."""

from __future__ import annotations

import json

from flask import request

from churn.audit import facts
from churn.registry import runs
from serving.api import Api
from serving.pages import page
from serving.pages.figures import places

PICTURES = (
    ("reliability", "Calibration"),
    ("profit", "Profit by number contacted"),
    ("importance", "What it looks at"),
)
TOLD_OF = ("low", "high", "values", "nulls")


def view(app: Api) -> str:
    """Versions `?a=` and `?b=` side by side; without them the one in production and the newest other one."""
    a, b = _asked(app)
    known = page.document(app, a), page.document(app, b)
    one, other = (k.document for k in known)
    return page.shown(
        app, "comparison.html", known=known[0], a=one, b=other, fact_a=facts.of(one, version=a), here="compare",
        fact_b=facts.of(other, version=b), metrics=_metrics(one, other), differences=_differences(one, other),
        features=_features(one, other), pictures=_pictures(one, other),
    )  # fmt: skip


def _pictures(a: dict, b: dict) -> list[tuple[str, str]]:
    """The figures that both runs keep: name, and what it shows."""
    kept = [set(runs.artifacts(one["run"]["id"], "figures")) for one in (a, b)]
    return [(name, said) for name, said in PICTURES if all(f"figures/{name}.png" in files for files in kept)]


def _asked(app: Api) -> tuple[int, int]:
    standing = app.record.standing().document
    numbers = [entry["version"] for entry in standing["versions"]]
    if len(numbers) < 2:
        raise page.Told("There is nothing to compare yet", "It takes two versions; train another one.", 200)
    production = standing["version"] or numbers[0]
    newest = next(number for number in numbers if number != production)
    return tuple(_number(name, otherwise) for name, otherwise in (("a", production), ("b", newest)))


def _number(name: str, otherwise: int) -> int:
    given = request.args.get(name, str(otherwise)).strip()
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise page.Told("Which versions?", f"{name} is the number of a version; found {given[:40]!r}.", 422)
    return int(given)


def _metrics(a: dict, b: dict) -> list[dict]:
    """Each metric that either has: its name, the place of its interval in either document, and where it is drawn."""
    tests = [(d["evaluation"] or {}).get("intervals", []) for d in (a, b)]
    own = [{one["metric"]: (n, one) for n, one in enumerate(test) if one["model"] == "candidate"} for test in tests]
    rows = []
    for metric in dict.fromkeys([*own[0], *own[1]]):
        held = [side.get(metric) for side in own]
        drawn = iter(places([one[1] for one in held if one]))
        sides = [one and {"path": f"evaluation.intervals.{one[0]}", "bar": next(drawn)} for one in held]
        apart = all(held) and (held[0][1]["low"] > held[1][1]["high"] or held[1][1]["low"] > held[0][1]["high"])
        rows.append({"name": metric, "sides": sides, "apart": apart})
    return rows


def _differences(a: dict, b: dict) -> list[dict]:
    """Every parameter of either: name, its place in either document (None: not there) and whether they differ. Of
    versions that no pipeline made, what is known of their training."""
    part = "parameters" if a["parameters"] and b["parameters"] else "training"
    one, other = _flat(a[part]), _flat(b[part])
    return [
        {
            "name": name,
            "places": [f"{part}.{name}" if name in side else None for side in (one, other)],
            "differ": one.get(name) != other.get(name),
        }
        for name in dict.fromkeys([*one, *other])
    ]


def _flat(tree: dict, before: str = "") -> dict[str, str]:
    flat = {}
    for name, value in tree.items():
        flat |= (
            _flat(value, f"{before}{name}.")
            if isinstance(value, dict)
            else {f"{before}{name}": json.dumps(value, default=str)}
        )
    return flat


def _features(a: dict, b: dict) -> list[dict]:
    """Every feature of either: its name, its place in either document, whether one takes it alone, and whether training
    saw other values of it."""
    one, other = ({f["name"]: (n, f) for n, f in enumerate(d["features"])} for d in (a, b))
    rows = []
    for name in dict.fromkeys([*one, *other]):
        held = one.get(name), other.get(name)
        seen = [side and [side[1][key] for key in TOLD_OF] for side in held]
        paths = [side and f"features.{side[0]}" for side in held]
        rows.append(
            {
                "name": name,
                "paths": paths,
                "alone": None in held,
                "differ": seen[0] != seen[1],
                "told": (held[0] or held[1])[1],
            }
        )
    return rows
