"""Tables and a figure of what `benchmarks/scale.py` has measured."""

from __future__ import annotations

import math
import re
from pathlib import Path

NAMES = {
    "features": {"ours": "ours", "sql": "hand-written SQL, DuckDB", "polars": "Polars, streaming", "pandas": "pandas"},
    "join": {"ours": "ours", "asof": "DuckDB's ASOF alone", "feast_default": "Feast's default store"},
    "online": {"ours": "ours, SQLite", "redis": "ours, Redis", "feast": "Feast's materialize, SQLite"},
    "score": {"ours": "ours"},
    "pipeline": {"ours": "the whole run"},
}
TITLES = {
    "features": "Features of one snapshot",
    "join": "Join: 100,000 labels with half a feature row an event, 20 columns",
    "online": "Online write: one snapshot of 27 features, 7,600 customers a million events",
    "score": "Scoring: from feature tables to the list, one core",
    "pipeline": "The whole pipeline: simulate, 5 snapshots, train, evaluate, promote, score",
}
BUDGETS = {  # part -> what, against which, of what, at most so many times; from 10M events on
    "features": [("ours", "sql", "seconds", 1.1), ("ours", "pandas", "seconds", 1 / 8)],
    "join": [("ours", "feast_default", "seconds", 1 / 4), ("ours", "feast_default", "peak_mb", 1 / 2)],
    "online": [("ours", "feast", "seconds", 1 / 3)],
}
DRAWN = [  # part, what, and what it is called in the figure
    ("features", "ours", "features"), ("features", "sql", "features: hand-written SQL"),
    ("features", "pandas", "features: pandas"), ("join", "ours", "join"),
    ("join", "feast_default", "join: Feast's default store"), ("online", "ours", "online write"),
    ("online", "feast", "online write: Feast's own"), ("score", "ours", "scoring"), ("pipeline", "ours", "whole run"),
]  # fmt: skip
EVENTS = 1_000_000
RATES = {  # part -> what is counted, how many of them a million events are, and how many there are at the far end
    "features": ("events, a snapshot", 1_000_000, 1_000_000_000),
    "join": ("feature rows, 100,000 labels", 500_000, 400_000_000),
    "online": ("customers", 7_600, 100_000_000),
    "score": ("customers, one core", 7_600, 100_000_000),
    "pipeline": ("events, 5 snapshots", 1_000_000, 1_000_000_000),
}


def rates(held: dict) -> str:
    """Markdown: what each part does in a second at the largest size measured, and what the far end would take at that
    rate."""
    lines = ["| part | counted in | measured at | a second | at | would take |", "|:--|:--|--:|--:|--:|--:|"]
    for part, (unit, each, far) in RATES.items():
        if series := _series(held.get(part, {}), "ours"):
            size = max(series)
            rate = size * each / series[size]["seconds"]
            shown = f"{size * each:,} | {rate:,.0f} | {far:,} | {_duration(far / rate)}"
            lines.append(f"| {part} | {unit} | {shown} |")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min"


def tables(held: dict) -> str:
    """Markdown: a table a part, a column a size, and by which power of the events the time grows."""
    return "\n\n".join(f"### {TITLES[part]}\n\n{_table(part, held[part])}" for part in TITLES if part in held)


def _table(part: str, sizes: dict) -> str:
    listed = sorted(sizes, key=int)
    rows = {NAMES[part].get(what, what): _series(sizes, what) for what in _all(sizes)}
    if part == "pipeline":
        stages = [stage for size in listed[-1:] for stage in sizes[size]["ours"]["stages"]]
        rows |= {f"{stage}, of these": _stage(sizes, stage) for stage in stages}
    heads = [f"{size}M events" for size in listed]
    lines = [f"| | {' | '.join(heads)} | grows as events^ |", f"|:--|{'--:|' * len(listed)}--:|"]
    for name, found in rows.items():
        cells = [_cell(found.get(int(size))) for size in listed]
        lines.append(f"| {name} | {' | '.join(cells)} | {_shown(exponent(found))} |")
    return "\n".join([*lines, *_ratios(part, sizes)])


def _all(sizes: dict) -> list[str]:
    return list(dict.fromkeys(what for found in sizes.values() for what in found))


def _series(sizes: dict, what: str) -> dict[int, dict]:
    return {int(size): found[what] for size, found in sizes.items() if what in found}


def _stage(sizes: dict, stage: str) -> dict[int, dict]:
    return {int(size): found["ours"]["stages"][stage] for size, found in sizes.items()}


def _cell(found: dict | None) -> str:
    return f"{found['seconds']:.2f} s, {found['peak_mb']:,.0f} MB" if found else ""


def exponent(found: dict[int, dict]) -> float | None:
    """The slope of log seconds over log events, by least squares; None for fewer than two sizes."""
    if len(found) < 2:
        return None
    x, y = [math.log(size) for size in found], [math.log(told["seconds"]) for told in found.values()]
    middle = sum(x) / len(x)
    slope = sum((a - middle) * b for a, b in zip(x, y, strict=True))
    return slope / sum((a - middle) ** 2 for a in x)


def _shown(slope: float | None) -> str:
    return "" if slope is None else f"{slope:.2f}"


def _ratios(part: str, sizes: dict) -> list[str]:
    lines = []
    for size in sorted((size for size in sizes if int(size) >= 10), key=int):
        for what, against, of, most in BUDGETS.get(part, []):
            if {what, against} <= set(sizes[size]):
                ratio = sizes[size][what][of] / sizes[size][against][of]
                unit = {"seconds": "time", "peak_mb": "memory"}[of]
                met = "" if ratio <= most else ", not met"
                lines.append(
                    f"- {size}M: {ratio:.2f} of the {unit} of {NAMES[part][against]} (at most {most:.2f}{met})"
                )
    return ["", *lines] if lines else []


def write(held: dict, docs: Path) -> None:
    """Put the tables between their marks on the pages, and draw the figure."""
    for page, mark, text in (("benchmarks.md", "tables", tables(held)), ("scale.md", "rates", rates(held))):
        old = (docs / page).read_text()
        new = re.sub(rf"(?s)(?<=<!-- {mark} -->\n).*?(?=<!-- /{mark} -->)", lambda _, text=text: f"{text}\n", old)
        (docs / page).write_text(new)
    figure(held).savefig(docs / "images" / "scale.png", dpi=220)


def figure(held: dict):
    """Seconds over events, both by powers of ten; what ours is compared with broken, the whole run in the strong
    colour."""
    from churn.reports.plots import style

    return style.styled(_drawn)(held)


def _drawn(held: dict):
    from churn.reports.plots import style

    plot = style.plot(_finding(held), height=5)
    axes = plot.subplots()
    colours = {part: colour for part, colour in zip(NAMES, style.SERIES, strict=False)} | {"pipeline": style.CANDIDATE}
    ends = []
    for part, what, label in DRAWN:
        if series := sorted(_series(held.get(part, {}), what).items()):
            events, seconds = [size * EVENTS for size, _ in series], [told["seconds"] for _, told in series]
            width, dashes = (2.2, "-") if what == "ours" else (1.2, "--")
            axes.plot(events, seconds, dashes, marker="o", markersize=4, color=colours[part], linewidth=width)
            ends.append((events[-1], seconds[-1], label, colours[part]))
    axes.set(xscale="log", yscale="log", xlabel="events of the log", ylabel="seconds")
    axes.grid(True)
    axes.set_xlim(right=axes.get_xlim()[1] * 12)
    _name_ends(axes, ends)
    return plot


def _finding(held: dict) -> str:
    slope, features = exponent(_series(held.get("pipeline", {}), "ours")), held.get("features", {})
    found = f"The time of a whole run grows as events^{slope:.2f}" if slope else "What each part costs as the log grows"
    both = [size for size in features if {"ours", "sql"} <= set(features[size])]
    if not both:
        return found
    size = max(both, key=int)
    ratio = features[size]["ours"]["seconds"] / features[size]["sql"]["seconds"]
    return f"{found}; at {size} million, features take {ratio:.2f} times as long as hand-written SQL"


def _name_ends(axes, ends: list[tuple[float, float, str, str]]) -> None:
    """A name beside the last point of each line, none on another."""
    below = {}
    for x, y, label, colour in sorted(ends):
        height = axes.transData.transform((x, y))[1] * 72 / axes.figure.dpi
        place = max(height, below.get(x, -math.inf) + 10)
        below[x] = place
        axes.annotate(
            label, (x, y), xytext=(7, place - height - 3), textcoords="offset points", fontsize=8, color=colour
        )
