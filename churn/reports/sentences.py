"""Sentences that read a result, for the notebooks: every number in them is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:  # scikit-learn, for which the features stage would wait
    from churn.evaluation.profit import Policy
    from churn.registry.versions import Loaded
    from churn.sources.contract import Source


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


def scores(table: pd.DataFrame) -> str:
    """How well the candidate ranks, on customers it learnt from and on others."""
    auc = table.set_index(["model", "part"]).auc
    train, test = auc["candidate", "train"], auc["candidate", "test"]
    others = auc.xs("test", level="part").drop(["candidate", "champion"], errors="ignore")
    text = (
        f"Of a leaver and a stayer drawn at random, the candidate ranks the leaver higher in **{test:.1%}** of cases on the test rows "
        f"(AUC {test:.3f}; training {train:.3f}). The best trivial model, *{others.idxmax()}*, reaches {others.max():.3f}."
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
    verdict = (
        "the candidate is better"
        if d.low > 0
        else "the champion is better"
        if d.high < 0
        else "the two cannot be told apart"
    )
    return (
        text
        + f" Against the champion on the same customers the difference is {d.estimate:+.4f} ({d.low:+.4f} to {d.high:+.4f}): {verdict}."
    )


def segments(table: pd.DataFrame) -> str:
    """Where the candidate ranks best and worst."""
    known = table.dropna(subset=["candidate_auc"]) if len(table) else table
    if known.empty:
        return "No segment has enough customers of both kinds to be scored by itself."
    worst, best = known.loc[known.candidate_auc.idxmin()], known.loc[known.candidate_auc.idxmax()]
    return (
        f"The candidate ranks best where {best.segment} is {best.value} (AUC {best.candidate_auc:.3f}, {best.customers:,} customers) "
        f"and worst where {worst.segment} is {worst.value} ({worst.candidate_auc:.3f}, {worst.customers:,} customers)."
    )


def threshold(policy: Policy, *, contact_cost: float, saved_value: float, success_rate: float) -> str:
    """What contacting the flagged customers is expected to bring."""
    return (
        f"A contact costs {contact_cost:g}, a saved customer is worth {saved_value:g}, and {success_rate:.0%} of the leavers contacted stay. "
        f"Contacting everyone at or above **{policy.threshold:.3f}** reaches {policy.contacted:.1%} of the test customers and brings **{policy.profit:+.2f}** each "
        f"({policy.low:+.2f} to {policy.high:+.2f} in 95 % of the resamples), "
        f"{policy.profit * 1000:+,.0f} per thousand customers."
    )


def online(manifest: dict, snapshot: str, served: pd.DataFrame) -> str:
    """What is online now."""
    rows = max(table["rows"] for table in manifest["snapshots"][snapshot]["views"].values())
    return f"**{rows:,}** customers are online with {len(served) - 1} features each, as of **{served.loc['(as of)'].max():%Y-%m-%d}**."


def contestants(candidate: Loaded, champion: Loaded | None, rows: pd.DataFrame) -> str:
    """Who is compared with whom, on how many customers."""
    test = int((rows.part == "test").sum())
    text = f"Candidate: **version {candidate.version.version}** ({candidate.version.tags.get('model', 'model')}), on {test:,} test customers. "
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
    text += f"; for example {compared['example']}" if compared["different"] else ""
    lacks = (
        f"lacks {', '.join(contract['missing'])}"
        if contract["missing"]
        else "holds every column that the candidate takes"
    )
    return f"{text}. The feature service `{contract['service']}` {lacks}."


def record(run: dict, files: list[str]) -> str:
    """What a run keeps, of `runs.get` and the names of its artifacts."""
    data = [f"{d['name']} ({d['context']}, {d['fingerprint'][:14]})" for d in run["datasets"]]
    numbers = [
        f"{name} {value:,.4g}" if value % 1 else f"{name} {value:,.0f}" for name, value in run["metrics"].items()
    ]
    tags = [f"{name} {value}" for name, value in run["tags"].items() if "." not in name and name != "python"]
    kept = {"files": sorted(files), "data sets": sorted(data), "numbers": sorted(numbers), "tags": sorted(tags)}
    begun = "The run has ended" if run["ended"] else "The run is under way"
    return f"{begun} and keeps\n\n" + "\n".join(
        f"- {kind}: {', '.join(named)}" for kind, named in kept.items() if named
    )
