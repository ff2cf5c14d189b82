"""Sentences on whom to contact and what that earns: every number in them is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from churn.evaluation.empc import Empc
    from churn.evaluation.profit import Policy


def empc(expected: Empc | None, policy: Policy) -> str:
    """What contacting could earn at most over the success rates that are likely, beside the point estimate."""
    if expected is None:
        return (
            "EMPC is not defined here: it takes one value for all customers, and each has an own one. The thresholds "
            "above hold for the success rate as it was given."
        )
    rate = policy.economics["success_rate"]
    about = (
        f"The success rate of {rate:.0%} is an assumption until a control group has measured it. "
        f"Were it drawn from Beta({expected.alpha:g}, {expected.beta:g}), whose mean it is, "
    )
    if not expected.share:
        return f"{about}contacting would not pay at any of its values (EMPC 0)."
    return (
        f"{about}the best cut at each of its values would have earned **{expected.empc:.2f}** per customer on the test rows "
        f"(EMPC), and contacted {expected.share:.1%} of them on average: as many as from **{expected.threshold:.3f}** on, "
        f"where the point estimate says {min(policy.told, 1):.3f}. Its cut knows the outcomes, so that it is what could "
        "be earned at most; who is contacted follows from the point estimate."
    )


def finding(why: str, document: dict, totals: dict[str, float], changes: pd.DataFrame) -> str:
    """Whom to contact, what that is expected to earn, by which version, and what has changed, a line each; in one line
    why there is no list. `document` is `list.json`, `totals` and `changes` as in churn.scoring.summary."""
    first, *more = said(why, document, totals, changes)
    return "\n".join([f"- **{first}**", *(f"- {line}" for line in more)]) if document else first


def said(why: str, document: dict, totals: dict[str, float], changes: pd.DataFrame) -> list[str]:
    """The same as plain sentences."""
    if not document:
        return [f"{why[:1].upper()}{why[1:]}."]
    return [_whom(document, totals), _by(document), *([moved(changes)] if len(changes) else [])]


def _whom(document: dict, totals: dict[str, float]) -> str:
    most = f", as many as the budget of {document['budget']:,} allows" if _limited(document) else ""
    if not document["contact"]:
        return f"Contact nobody of {document['customers']:,} customers: {_nobody(document)}."
    kept = (
        f" {document['control']:,} more {'is' if document['control'] == 1 else 'are'} kept back, so that the effect can be measured."
        if document["control"]
        else ""
    )
    return (
        f"Contact {document['contact']:,} of {document['customers']:,} customers{most}: {totals['contact_leavers']:,.0f} of "
        f"them are expected to leave{_earning(document, totals)}.{kept}"
    )


def _limited(document: dict) -> bool:
    return document["budget"] is not None and document["contact"] == document["budget"]


def _nobody(document: dict) -> str:
    if document["threshold"] is None and document["economics"] is None:
        return "from which probability it pays is not known, for the version has no threshold"
    return "whoever is flagged is kept back" if document["flagged"] else "nobody reaches the threshold"


def _earning(document: dict, totals: dict[str, float]) -> str:
    if not (economics := document["economics"]):
        return ", and what that earns is not known, for the version has no economics on record"
    profit = totals["contact_profit"]
    return (
        f", and contacting them is expected to earn {profit:+,.0f} ({profit / document['contact']:+.2f} each), if "
        f"{economics['success_rate']:.0%} of the leavers stay who are contacted"
    )


def _by(document: dict) -> str:
    level = document["level"]
    expected = level.get("expected") or {}
    bounds = f" ({expected['low']:.1%} to {expected['high']:.1%})" if expected.get("low") is not None else ""
    share = f", where {expected['mean']:.1%}{bounds} of the customers are expected to leave" if expected else ""
    threshold = document["threshold"]
    whence = f", flags from {min(threshold, 1):.3f} on" if threshold is not None else ""
    return (
        f"Version {document['version']} scores them as of {document['snapshot']}, at its level there "
        f"({level['log_odds']:+.3f}){whence}{share}."
    )


def moved(changes: pd.DataFrame) -> str:
    """Who entered the list of those to contact since the last list, and who left it."""
    if not len(changes):
        return "There is no earlier list, or nobody was to be contacted by that one or is by this one."
    of = changes.groupby("change").customers.sum()
    parts = [
        f"{of.get(change, 0):,} {change}{_why(changes[changes.change == change])}" for change in ("entered", "left")
    ]
    return f"Since the last list {' and '.join(parts)}; {of.get('stayed', 0):,} are on both."


def _why(changes: pd.DataFrame) -> str:
    return f" ({', '.join(f'{row.customers:,} {row.why}' for row in changes.itertuples())})" if len(changes) else ""


def notes(version: int, why: str, document: dict) -> list[str]:
    """What a person should know of a list, or of there being none."""
    if version and why:
        return [why]
    return [
        f"{count:,} customers of the population are not on the list: {reason}, as the API would answer them"
        for reason, count in document.get("left_out", {}).items()
    ]
