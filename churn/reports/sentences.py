"""Sentences that read a result, for the notebooks: every number in them is computed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from churn.names import in_markdown

if TYPE_CHECKING:  # scikit-learn, for which the features stage would wait
    from churn.evaluation.calibration import Calibration
    from churn.evaluation.document import Evaluation
    from churn.evaluation.profit import Policy
    from churn.evaluation.resampling import Interval
    from churn.sources.contract import Source
    from churn.training.levels import Level


def log(source: Source) -> str:
    """What was read, and what could not be used."""
    read = ", ".join(
        f"**{count:,}** {name}" for name, count in source.counts.items() if name not in ("read", "rejected")
    )
    lost = source.counts.get("rejected", 0)
    if not lost:
        return f"Read {read}. Every row could be used."
    share = lost / max(source.counts.get("read", lost), 1)
    return f"Read {read}. **{lost:,}** rows ({share:.2%}) could not be used; they are kept in `rejected.parquet` with the reason."


def reading(source: Source) -> str:
    """What else there is to know of the input: what was passed over, what occurs twice, what looks odd."""
    if source.inputs.empty:
        return "This input comes from no files of an event log."
    return "\n".join(f"- {escape(note)}" for note in source.notes) or "Nothing was passed over, and nothing looks odd."


def made(manifest: dict) -> str:
    """The features by one fingerprint; which snapshots were taken from earlier runs, and what came late to them."""
    lines = [f"All of them together: `{manifest['fingerprint']}`."]
    if taken := manifest["kept"]:
        lines[0] += (
            f" Of {len(manifest['snapshots'])} snapshots, {len(taken)} were kept from earlier runs: {', '.join(taken)}."
        )
    return "\n\n".join([*lines, *map(escape, manifest["late"])])


def labels(summary: pd.DataFrame) -> str:
    """How many customers count, and how many of them left, in training and test."""
    by_part = summary.assign(left=summary.customers * summary.churn_rate).groupby("part")[["customers", "left"]].sum()
    rate = by_part.left / by_part.customers
    shift = rate["test"] - rate["train"]
    moved = (
        "about the same in both"
        if abs(shift) < 0.01
        else f"{abs(shift) * 100:.1f} points {'higher' if shift > 0 else 'lower'} in the test"
    )
    return (
        f"**{by_part.customers['train']:,}** training rows, of which {rate['train']:.1%} left; **{by_part.customers['test']:,}** test rows, "
        f"of which {rate['test']:.1%} left. The churn rate is {moved}."
    )


def expected_leavers(at: Level, expected: dict) -> str:
    """What the level at a snapshot is, why, and how many customers are expected to leave."""
    share = f"At {at.snapshot} **{expected['mean']:.1%}** of the customers who count are expected to leave"
    bounds = (
        f", between {expected['low']:.1%} and {expected['high']:.1%}: a miss of {at.margin:.3f} is the worst that the last {len(at.origins)} known snapshots saw, or the least that is promised"
        if at.margin is not None
        else "; how far that may be off is not known, for there is no earlier snapshot whose labels were known"
    )
    return f"{share}{bounds}. The level is {at.log_odds:+.3f} in log-odds: {at.why}."


def season(levels: dict[str, dict]) -> str:
    """What the level of a version is made of at the newest snapshot that it has one for, and how many are expected to
    leave; nothing where it has none."""
    if not levels:
        return ""
    newest = max(levels)
    return f"the level at {newest} is {_the(levels[newest]['why'])}{_expected(levels[newest])}."


def _the(why: str) -> str:
    return f"the {why}" if why.startswith("season") else why


def _expected(level: dict) -> str:
    if not (expected := level.get("expected")):
        return ""
    bounds = "" if expected["low"] is None else f" ({expected['low']:.1%} to {expected['high']:.1%})"
    return f", **{expected['mean']:.1%}**{bounds} expected to leave"


def finding(evaluation: Evaluation, *, season: str = "") -> str:
    """The whole evaluation in a line each: who is compared, the ranking, the level, what is known of the `season`, the
    probabilities, and the money."""
    on_test = evaluation.scores.query("part == 'test'").set_index("model")
    lines = {
        "Compared": contestants(evaluation),
        "Ranking": _ranking(on_test.auc, evaluation.intervals.query("metric == 'auc'").set_index("model")),
        "Level": level(evaluation.calibration),
        "Season": season,
        "Probabilities": _probabilities(evaluation.calibration),
        "Money": _money(evaluation.policy),
    }
    return "\n".join(f"- **{name}**: {line}" for name, line in lines.items() if line)


def _ranking(auc: pd.Series, intervals: pd.DataFrame) -> str:
    own, trivial = intervals.loc["candidate"], auc.drop(["candidate", "champion"], errors="ignore")
    text = f"test AUC **{auc['candidate']:.3f}** ({own.low:.3f} to {own.high:.3f} in 95 % of the resamples). "
    if "champion" in auc:
        text += f"The champion's is {auc['champion']:.3f}: {_verdict(intervals.loc['difference'])}. "
    return text + f"The best baseline, *{in_markdown(trivial.idxmax())}*, reaches {trivial.max():.3f}."


def level(calibration: Calibration) -> str:
    """Mean predicted against observed churn at the test, and how far off the level is over the known snapshots."""
    test, known = calibration.origins[-1], len(calibration.origins)
    text = (
        f"**{test.predicted:.1%}** predicted at {test.snapshot}, **{test.observed:.1%}** observed: "
        f"{100 * (test.predicted - test.observed):+.1f} points ({100 * test.low:+.1f} to {100 * test.high:+.1f})."
    )
    if known == 1:
        return text + " Only one snapshot is known, so how this changes from month to month is not."
    return (
        f"{text} Over the last {known} known snapshots off by **{100 * calibration.level:.1f} points** beyond chance."
    )


def calibrated(calibration: Calibration) -> str:
    """Level, slope and shape, in words."""
    return f"Level: {level(calibration)} Beyond it: {_probabilities(calibration)}"


def _probabilities(calibration: Calibration) -> str:
    slope, shape = calibration.slope, calibration.shape
    told = "too extreme" if slope.high < 1 else "too timid" if slope.low > 1 else "right, as far as one can tell"
    said = f"slope **{slope.estimate:.2f}** ({slope.low:.2f} to {slope.high:.2f}): {told}"
    return (
        f"{'no slope, for all are alike' if slope.estimate != slope.estimate else said}. With the level mended they are "
        f"off by **{100 * shape.value:.1f} points** on average, where chance alone makes up to {100 * shape.perfect:.1f}."
    )


def _money(policy: Policy) -> str:
    from_where = "each one's own threshold" if policy.threshold is None else f"**{policy.threshold:.3f}**"
    if not policy.contacted:
        return f"no customer reaches the threshold, so nobody is contacted and nothing earned; everybody: {_earned(policy.everybody)} per customer."
    limited = policy.budget
    text = (
        f"contacting everyone from {from_where} on, {policy.contacted:.1%} of the customers, brings {_earned(policy.profit, '**')} "
        f"per customer; everybody {_earned(policy.everybody)}, nobody 0."
    )
    return text + (
        f" At most {limited['most']:,}: {limited['contacted']:,} contacts, {_ends(limited)}." if limited else ""
    )


def _earned(interval: Interval, mark: str = "") -> str:
    return f"{mark}{interval.estimate:+.2f}{mark} ({interval.low:+.2f} to {interval.high:+.2f})"


def _ends(found: dict) -> str:
    return f"**{found['estimate']:+.2f}** ({found['low']:+.2f} to {found['high']:+.2f}) per customer"


def _verdict(difference: pd.Series) -> str:
    """What the interval of candidate minus champion says."""
    if difference.low > 0:
        return "the candidate is better"
    return "the champion is better" if difference.high < 0 else "the two cannot be told apart"


def scores(table: pd.DataFrame) -> str:
    """How well the candidate ranks, on customers it learnt from and on others."""
    auc = table.set_index(["model", "part"]).auc
    train, test = auc["candidate", "train"], auc["candidate", "test"]
    others = auc.xs("test", level="part").drop(["candidate", "champion"], errors="ignore")
    text = (
        f"Of a leaver and a stayer drawn at random, the candidate ranks the leaver higher in **{test:.1%}** of cases on the test rows "
        f"(AUC {test:.3f}; training {train:.3f}). The best baseline, *{in_markdown(others.idxmax())}*, reaches {others.max():.3f}."
    )
    if train - test > 0.1:
        text += f" The gap of {train - test:.3f} between training and test is large: " + (
            "on the test rows the ranking is **no better than chance**, so the labels of the test snapshot do not follow the "
            "features the way the training labels do. Check how the test labels were made before blaming the model."
            if test < 0.55
            else "the model has learnt what does not carry over, or the customers have changed."
        )
    return text


def interval(table: pd.DataFrame, metric: str = "auc") -> str:
    """The candidate's interval, and whether the difference from the champion can be told from chance."""
    rows = table[table.metric == metric].set_index("model")
    own = rows.loc["candidate"]
    text = f"The candidate's AUC lies between **{own.low:.3f}** and **{own.high:.3f}** (95 % of the resamples)."
    if "difference" not in rows.index:
        return text + " There is no champion to compare with."
    d = rows.loc["difference"]
    return (
        text
        + f" Against the champion on the same customers the difference is {d.estimate:+.4f} ({d.low:+.4f} to {d.high:+.4f}): {_verdict(d)}."
    )


def segments(table: pd.DataFrame) -> str:
    """Where the candidate ranks best and worst."""
    known = table.dropna(subset=["candidate_auc"]) if len(table) else table
    if known.empty:
        return "No segment has enough customers of both kinds to be scored by itself."
    worst, best = known.loc[known.candidate_auc.idxmin()], known.loc[known.candidate_auc.idxmax()]
    where = [f"{in_markdown(row.segment)} is {in_markdown(row.value)}" for row in (best, worst)]
    return (
        f"The candidate ranks best where {where[0]} (AUC {best.candidate_auc:.3f}, {best.customers:,} customers) "
        f"and worst where {where[1]} ({worst.candidate_auc:.3f}, {worst.customers:,} customers)."
    )


def threshold(policy: Policy, customers: int) -> str:
    """Whom to contact and why, and what that would have brought with the `customers` of the test."""
    terms = policy.economics
    value, cost, rate = terms["saved_value"], terms["contact_cost"], terms["success_rate"]
    own = isinstance(value, dict)
    worth = f"{value['margin']:g} of its *{in_markdown(value['column'])}*" if own else f"{value:g}"
    rule = (
        f"the customer's own threshold, {cost:g} / ({value['margin']:g} × value × {rate:g}), on (never, where that is above 1)"
        if own
        else f"**{policy.threshold:.3f}** = {cost:g} / ({value:g} × {rate:g}) on"
        if policy.threshold <= 1
        else "no probability on: a contact costs more than it can save"
    )
    text = (
        f"A contact costs {cost:g}, a saved customer is worth {worth}, and {rate:.0%} of the leavers contacted stay, so contacting pays from {rule}. "
        f"That reaches {policy.contacted:.1%} of the test customers and brings {_earned(policy.profit, '**')} each, in 95 % of the resamples, "
        f"{policy.profit.estimate * 1000:+,.0f} per thousand customers; contacting everybody {_earned(policy.everybody)}, nobody 0."
    )
    if policy.budget is None:
        return text
    limited = policy.budget
    return (
        f"{text} Of those, at most {limited['most']:,} are contacted, the ones with the most to gain (probability × value × success rate − cost): "
        f"{limited['contacted']:,} customers, which brings {_ends(limited)}, {limited['estimate'] * customers:+,.0f} in all."
    )


def renamed(manifest: dict) -> str:
    """Which features are not called what the input calls them."""
    others = {f["given"]: f["name"] for f in manifest["features"] if "given" in f}
    if not others:
        return "Every feature is called as it was given."
    listed = "; ".join(f"{in_markdown(repr(given))} is {in_markdown(repr(name))}" for given, name in others.items())
    return (
        f"**{len(others)}** names could not be kept: the feature store cannot hold them, or they are taken, by another "
        f"feature or by the training set: {listed}."
    )


def sampled(share: float, rows: int, everybody: int) -> str:
    """What a sample leaves out; empty where nothing is."""
    if share >= 1:
        return ""
    return (
        f" They are a sample: {rows:,} of {everybody:,} customers at snapshots, drawn by customer ({share:.1%} of them), as "
        "`train.max_rows` says. How many leave is known of everybody, and the probabilities stand at that level."
    )


def population(manifest: dict, snapshot: str, at: dict[str, int]) -> str:
    """How many customers the model's population holds at a snapshot (`manifest.population_at`), and by which rule."""
    if not at:
        return "Whoever is in the tables counts."
    people = sum(at.values())
    return (
        f"**{at['inside']:,} of {people:,}** customers are inside the population on {snapshot}: who counts "
        f"{in_markdown(manifest['population']['rule'])}. The other {at['outside']:,} ({at['outside'] / people:.1%}) are "
        "online too, and the API says of them that they are outside; they get no score."
    )


def online(manifest: dict, snapshot: str, served: pd.DataFrame) -> str:
    """What is online now."""
    rows = max(table["rows"] for table in manifest["snapshots"][snapshot]["views"].values())
    return f"**{rows:,}** customers are online with {len(manifest['features'])} features each, as of **{served.loc['(as of)'].max():%Y-%m-%d}**."


def contestants(evaluation: Evaluation) -> str:
    """Who is compared with whom, on how many customers."""
    candidate, champion, rows = evaluation.candidate, evaluation.champion, evaluation.rows
    test = int((rows.part == "test").sum())
    text = f"Candidate: **version {candidate.version.version}** ({candidate.version.tags.get('model', 'model')}), on {test:,} test customers. "
    if evaluation.in_production:
        return text + "It is in production itself, and is not compared with itself."
    if champion is None:
        return text + "Nothing is in production yet, so there is no champion."
    text += f"Champion: **version {champion.version.version}** ({champion.version.tags.get('model', 'model')})"
    return text + (
        "."
        if champion.can_score(rows)
        else ", which takes features that this run does not have: it cannot be compared."
    )


def parity(compared: dict, contract: dict) -> str:
    """Whether online equals offline, and whether the feature service can feed the model."""
    same = compared["customers"] - compared["different"]
    text = f"**{same:,} of {compared['customers']:,}** customers have exactly the same features online and offline"
    text += f"; for example {in_markdown(compared['example'])}" if compared["different"] else ""
    lacks = (
        f"lacks {in_markdown(', '.join(contract['missing']))}"
        if contract["missing"]
        else "holds every column that the candidate takes"
    )
    return f"{text}. The feature service `{contract['service']}` {lacks}."


def record(run: dict, files: list[str], *, page: str | None) -> str:
    """How much a run keeps, of `runs.get` and the names of its artifacts, and where MLflow shows it.

    `page`: the run's address where a server of MLflow's has one. The names are folded.
    """
    data = [f"{d['name']} ({d['context']}, {d['fingerprint'][:14]})" for d in run["datasets"]]
    numbers = [
        f"{name} {value:,.4g}" if value % 1 else f"{name} {value:,.0f}" for name, value in run["metrics"].items()
    ]
    tags = [f"{name} {value}" for name, value in run["tags"].items() if "." not in name and name != "python"]
    kept = {
        ("files", "Artifacts", "/artifacts"): files,
        ("data sets", "Overview", ""): data,
        ("numbers", "Model metrics", "/model-metrics"): numbers,
        ("tags", "Overview", ""): tags,
    }
    rows = [
        f"| {kind} | {len(names):,} | {f'[{tab}]({page}{path})' if page else tab} |"
        for (kind, tab, path), names in kept.items()
    ]
    named = "".join(
        f"<li>{kind}: {escape(', '.join(sorted(names)))}</li>" for (kind, *_), names in kept.items() if names
    )
    return "\n".join(
        [
            "| the run keeps | how many | shown by MLflow under |", "|:--|--:|:--|", *rows, "",
            f"MLflow keeps it as run `{run['id']}`" + ("." if page else ", which `make ui` shows."), "",
            f"<details><summary>names</summary><ul>{named}</ul></details>",
        ]
    )  # fmt: skip
