"""Sentences about a month: how the model in production did, whether it still works, and what contacting does."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from churn.names import in_markdown

NOTHING = "Nothing is in production yet, so there is nothing to look back at."
LIFETIMES = "a model that has not changed is called broken in at most 5% of all lifetimes, however often one looks"


def in_production(version: int, since: str, *, made_by_it: int) -> str:
    """Which version is in production, since which month, and how many lists it has made."""
    if not version:
        return NOTHING
    lists = _lists(made_by_it) if made_by_it else "no list yet"
    first = f" since {since}" if since else ""
    return f"**Version {version}** is in production{first}, and has made {lists}."


def came_true(figures: pd.DataFrame, estimate: dict) -> str:
    """The newest list whose labels are known: ranking against the promise, predicted against observed. `estimate` is
    that of a list whose outcome is open, {} where there is none."""
    lists = figures[figures["from"] == "list"]
    if len(lists):
        row = lists.iloc[-1]
        return f"{_ranking(row)} {_level(row)}{_uncontacted(row)}"
    if not estimate:
        return "There is no list yet that could have come true."
    return f"No list has come true yet: what became of the customers listed on {estimate['snapshot']} is known on {estimate['known_on']}."


def _ranking(row: pd.Series) -> str:
    listed = f"The list of {row.snapshot} (version {row.version})"
    if pd.isna(row.auc):
        return f"{listed} cannot be ranked: all of its {row.customers:,} customers did the same."
    told = f"{listed} came true with an AUC of **{row.auc:.3f}** ({row.auc_low:.3f} to {row.auc_high:.3f})"
    if pd.isna(row.auc_promised):
        return f"{told}; nothing was promised."
    return f"{told}, promised {row.auc_promised:.3f} ({row.auc_promised_low:.3f} to {row.auc_promised_high:.3f}): {_kept(row)}."


def _kept(row: pd.Series) -> str:
    """Whether the intervals of promise and outcome meet."""
    if row.auc_high < row.auc_promised_low:
        return "below what was promised"
    return "above what was promised" if row.auc_low > row.auc_promised_high else "as promised"


def _level(row: pd.Series) -> str:
    left = f"**{row.predicted:.1%}** were expected to leave"
    if not pd.isna(row.expected_low):
        left += f" ({row.expected_low:.1%} to {row.expected_high:.1%})"
    left += f", **{row.observed:.1%}** left"
    outside = not pd.isna(row.expected_low) and not row.expected_low <= row.observed <= row.expected_high
    return f"{left}: outside what was expected." if outside else f"{left}."


def _uncontacted(row: pd.Series) -> str:
    if pd.isna(row.observed_uncontacted):
        return ""
    ranked = "" if pd.isna(row.auc_uncontacted) else f", with an AUC of {row.auc_uncontacted:.3f}"
    return f" Had nobody been contacted, {row.observed_uncontacted:.1%} would have left{ranked}: those kept back tell."


def contacts(figures: pd.DataFrame) -> str:
    """What contacting does to all of these figures."""
    if figures.empty:
        return "What came true will hold the effect of contacting: who stays because somebody called looks like a wrong prediction."
    told = "Whoever stays because somebody called looks like a wrong prediction, so contacts that work make a model look worse"
    if figures.observed_uncontacted.notna().any():
        return f"{told}; the columns *uncontacted* let those kept back stand for all who were flagged with them, and the alarm looks at these; at too many leavers as they are, for a contact makes nobody leave."
    return f"{told}. Nobody was kept back on these lists, so nothing tells by how much."


def segments(table: pd.DataFrame) -> str:
    """Where the level is furthest off, beyond chance."""
    if table.empty:
        return "No list has come true yet, or there are no segments."
    off = table[(table.predicted < table.observed_low) | (table.predicted > table.observed_high)]
    if off.empty:
        return f"In none of {len(table)} segments does the share that left differ from what was expected by more than chance does in one of twenty."
    worst = off.loc[(off.predicted - off.observed).abs().idxmax()]
    return (
        f"In {len(off)} of {len(table)} segments more or fewer left than chance explains (it does in one of twenty); most in "
        f"*{in_markdown(str(worst.segment))}* = *{in_markdown(str(worst['value']))}*: {worst.predicted:.1%} expected, {worst.observed:.1%} left."
    )


def alarm(judged: dict) -> str:
    """Whether an alarm stands, the evidence, and what an alarm means; `judged` as alarm.Alarm has it."""
    limit = f"{judged['limit']:g}"
    if not judged["path"]:
        return f"**No alarm**: no list has come true yet. There will be one when the evidence reaches {limit}: {LIFETIMES}."
    if judged["standing"]:
        return f"**An alarm stands** since {judged['raised_on']}: {judged['why']}."
    return f"**No alarm**: {judged['why']}; {LIFETIMES}."


def estimate(found: dict) -> str:
    """What the probabilities of the newest list say of themselves, and on which assumption."""
    if not found:
        return "There is no list whose outcome is still open."
    auc, loss = found["auc"], found["log_loss"]
    return (
        f"What becomes of the list of {found['snapshot']} is known on {found['known_on']}. Until then its own probabilities say: AUC **{auc['estimate']:.3f}** "
        f"({auc['low']:.3f} to {auc['high']:.3f}), log loss {loss['estimate']:.3f} ({loss['low']:.3f} to {loss['high']:.3f}), in 95% of the draws. "
        "This takes for granted that of those with 30% three in ten leave: it sees that customers have become others, and never that "
        "customers like these now behave differently."
    )


def drift(table: pd.DataFrame, why_not: str, *, meanings: Mapping[str, str], shown: int = 3) -> str:
    """What moved the scores, features by their meaning, or why there is nothing to compare."""
    if table.empty:
        return f"Nothing to compare: {why_not}."
    score = table.iloc[0]
    told = "; ".join(
        f"*{in_markdown(meanings.get(f.feature, f.feature))}* ({100 * f.on_score:+.1f} points, {in_markdown(f'{f.before} → {f.now}')})"
        for f in table.iloc[1:].head(shown).itertuples()
    )
    return (
        f"At the same level the mean score is {100 * score.on_score:+.1f} points from that of the training rows ({score.before} → {score.now}). "
        f"Most of what moves it: {told}. This explains, and is no alarm: features move with seasons and with growth, and a model may rank as well as before."
    )


def effect(measured: dict, *, has_file: bool) -> str:
    """What contacting did, and what that says of the assumed success rate; `measured` as effect.document has it."""
    lists = measured["by_list"]
    if not lists:
        return (
            "Nothing can be said of contacting yet: it takes a list whose outcome is known, with customers who were contacted and others kept back "
            f"(`score.control`). Until then {measured['assumed']:.0%} of the leavers contacted are assumed to stay."
        )
    who = "as the file says" if has_file else "all who were to be, since no file says who was"
    reached, contact, control = (sum(row[name] for row in lists) for name in ("contacted", "contact", "control"))
    crossed = f" {measured['crossed']:,} of those kept back were contacted all the same." if measured["crossed"] else ""
    return (
        f"On {_lists(len(lists))} {contact:,} were to be contacted, {reached:,} were ({who}), and {control:,} were kept back. {_stayed(measured)}: "
        f"{_whether(measured['difference'])}.{crossed} {_success(measured)}"
    )


def _lists(count: int) -> str:
    return f"{count:,} list{'' if count == 1 else 's'}"


def _stayed(measured: dict) -> str:
    """The share that stayed in each group, and the difference with its interval."""
    lists, d = measured["by_list"], measured["difference"]
    shares = [
        1 - sum(row[f"left_{group}"] for row in lists) / sum(row[group] for row in lists)
        for group in ("contact", "control")
    ]
    points = f"{abs(100 * d['estimate']):.1f} points {'less' if d['estimate'] < 0 else 'more'}"
    return (
        f"Of those to be contacted {shares[0]:.1%} stayed, of those kept back {shares[1]:.1%}: whoever was contacted stayed **{points} often** "
        f"({100 * d['low']:+.1f} to {100 * d['high']:+.1f})"
    )


def _whether(d: dict) -> str:
    if d["low"] > 0:
        return "contacting keeps customers"
    return "contacting drives customers away" if d["high"] < 0 else "no effect can be told from chance"


def _success(measured: dict) -> str:
    """The success rate that was measured, beside the one that was assumed."""
    rate, assumed = measured["success_rate"], measured["assumed"]
    if not rate:
        return f"Too few left to say how that compares with the assumed success rate of {assumed:.0%}."
    told = f"That is a success rate of {rate['estimate']:.0%} ({rate['low']:.0%} to {rate['high']:.0%}), where {assumed:.0%} is assumed"
    if measured["inside"]:
        return f"{told}: nothing speaks against that."
    return f"{told}, too {'much' if assumed > rate['high'] else 'little'}: set `evaluate.economics.success_rate` to what was measured."


def service(counts: pd.DataFrame, unread: dict[int, str], compacted: dict[str, int]) -> str:
    """What the prediction log says, and what it cannot."""
    if counts.empty:
        return "No prediction has been logged: the API has answered nobody yet."
    compared, differing = int(counts.compared.sum()), int(counts.differing.sum())
    same = f"**{compared - differing:,} of {compared:,}** recomputed to the last bit"
    told = f"{int(counts.predictions.sum()):,} predictions in {int(counts.requests.sum()):,} requests, {same}."
    told += (
        f" **{differing:,} differ**: what was answered is not what the version makes of the logged features."
        if differing
        else ""
    )
    told += "".join(f" Version {version} was not recomputed: {why}." for version, why in unread.items())
    files = (
        f" {compacted['before']:,} files of {compacted['days']:,} finished days are now {compacted['after']:,}."
        if compacted["before"] > compacted["after"]
        else ""
    )
    return f"{told}{files} What was no question about a customer (malformed, without a key, too many at once) is counted at `/metrics` alone."


def decided(retrain: bool, why: str) -> str:
    """Whether the next three stages run."""
    return f"**{'A model is trained' if retrain else 'Nothing is trained'}**: {why}."


def said(version: int, figures: pd.DataFrame, estimate: dict, judged: dict, effect: dict) -> list[str]:
    """The month in plain sentences, for the first screen of a run's page; what an alarm says stands there already."""
    if not version:
        return [NOTHING]
    told = [came_true(figures, estimate)]
    told += [] if judged["standing"] or not judged["path"] else [f"No alarm: {judged['why']}."]
    if estimate and len(figures):
        auc = estimate["auc"]
        told.append(
            f"The list of {estimate['snapshot']} is open until {estimate['known_on']}; its AUC is estimated at {auc['estimate']:.3f} "
            f"({auc['low']:.3f} to {auc['high']:.3f})."
        )
    if effect["by_list"]:
        told.append(f"{_stayed(effect)}: {_whether(effect['difference'])}. {_success(effect)}")
    return [plain(sentence) for sentence in told]


def plain(sentence: str) -> str:
    """Without Markdown's marks of weight; code stays in its backticks."""
    return sentence.replace("**", "").replace("*", "")


def months(figures: pd.DataFrame) -> list[dict]:
    """The lists that have come true, for the run's page: snapshot, version, auc, low, high, predicted, observed."""
    kept = figures[(figures["from"] == "list") & ~figures.superseded.astype(bool)]
    names = {
        "snapshot": "snapshot",
        "version": "version",
        "auc": "auc",
        "auc_low": "low",
        "auc_high": "high",
        "predicted": "predicted",
        "observed": "observed",
    }
    rows = kept[list(names)].rename(columns=names).astype(object)
    return rows.where(rows.notna(), None).to_dict("records")


def notes(differing: int) -> list[str]:
    """What a person should know before anything else."""
    told = f"prediction log: {differing:,} answers are not what their version makes of the logged features"
    return [told] if differing else []
