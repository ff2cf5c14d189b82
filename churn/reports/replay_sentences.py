"""What a replay found, in sentences. `told` is replay.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from churn.names import in_markdown

TIMES = {1: "once", 2: "twice"}


def finding(told: Mapping) -> list[str]:
    """The replay in a few sentences: what was lived, which policy earned more, the gate, what was missing, the check."""
    said = [_lived(told), *map(_difference, _told_first(told)), *_alarms(told), gate(told), *_unlisted(told)]
    return [*said, *_stopped(told), *checked(told)]


def listed(told: Mapping) -> str:
    """The finding as a list in Markdown."""
    return "\n".join(f"- {in_markdown(sentence)}" for sentence in told["finding"])


def _lived(told: Mapping) -> str:
    first, dates = told["policies"][0], {month["as_of"] for month in told["months"]}
    true = f"{first['judged']} of its {_count(first['lists'], 'list')} have come true"
    earned = "" if first["profit"] is None else f", and would have earned {money(first['profit'])}"
    others = len(told["policies"]) - 1
    beside = f" beside {_count(others, 'other policy', 'other policies')}" if others else ""
    return (
        f"{_count(len(dates), 'date')} from {told['from']} to {told['to']} were lived by the policy {first['policy']}"
        f"{beside}: {true}{earned}."
    )


def _told_first(told: Mapping) -> list[Mapping]:
    """Against `never` where it was lived, else against the first policy."""
    against_never = [row for row in told["differences"] if row["against"] == "never"]
    return against_never or told["differences"]


def _difference(row: Mapping) -> str:
    more = "more" if row["profit"] >= 0 else "less"
    low, high = sorted((row["low"], row["high"]))
    if row["profit"] < 0:
        low, high = -high, -low
    if row["profit"] == low == high == 0:
        return f"{_named(row['policy'])} would have earned as much as {row['against']}, customer by customer."
    chance = "" if low > 0 or high < 0 else ", which may be chance"
    return (
        f"{_named(row['policy'])} would have earned {money(abs(row['profit']))} {more} than {row['against']} "
        f"(95%: {money(low)} to {money(high)}){chance}."
    )


def _named(policy: str) -> str:
    """A policy as the beginning of a sentence."""
    words = {"always": "Retraining at every date", "alarm": "Retraining on an alarm", "never": "Never retraining"}
    if policy.startswith("months="):
        return f"Retraining every {policy.removeprefix('months=')} months"
    return words.get(policy, f"The policy {policy}")


def _alarms(told: Mapping) -> list[str]:
    policy = next((policy for policy in told["policies"] if policy["policy"] == "alarm"), None)
    if policy is None:
        return []
    fired = TIMES.get(len(policy["alarms"]), f"{len(policy['alarms'])} times")
    when = f" ({', '.join(policy['alarms'])})" if policy["alarms"] else ""
    trained = f"it trained {_count(policy['trainings'], 'model')}"
    return [f"The alarm fired {fired}{when}; {trained}." if policy["alarms"] else f"The alarm never fired; {trained}."]


def gate(told: Mapping) -> str:
    """How right the gate was, under the first policy."""
    rows = [row for row in told["others"] if row["policy"] == told["policies"][0]["policy"]]
    refused, replaced = ([row for row in rows if row["role"] == role] for role in ("refused", "replaced"))
    if not rows:
        return "The gate had nothing to choose from that has come true."
    said = []
    if refused:
        better, worse = (_verdicts(refused, verdict) for verdict in ("better", "worse"))
        said.append(
            f"of {_count(len(refused), 'refused candidate')} {better} would have foretold its month better than what "
            f"stayed, {worse} worse, beyond chance"
        )
    if replaced:
        better = _verdicts(replaced, "better")
        said.append(
            f"of {_count(len(replaced), 'promoted one')} {better} turned out worse than what it replaced, beyond chance"
        )
    return f"The gate: {'; '.join(said)}."


def _verdicts(rows: Sequence[Mapping], verdict: str) -> int:
    return sum(row["verdict"] == verdict for row in rows)


def _unlisted(told: Mapping) -> list[str]:
    policy = told["policies"][0]["policy"]
    without = [m for m in told["months"] if m["policy"] == policy and not m["listed"] and not m["stopped"]]
    if not without:
        return []
    nothing = sum(not month["production"] for month in without)
    rest = len(without) - nothing
    why = [f"{nothing} because nothing was in production yet"] if nothing else []
    why += [f"{rest} because the version in production could not score the features of then"] if rest else []
    return [f"At {_count(len(without), 'date')} there was no list: {', '.join(why)}."]


def _stopped(told: Mapping) -> list[str]:
    stopped = [month for month in told["months"] if month["stopped"]]
    if not stopped:
        return []
    return [
        f"{_count(len(stopped), 'run')} would have stopped, first as of {stopped[0]['as_of']}: {stopped[0]['why']}."
    ]


def checked(told: Mapping) -> list[str]:
    """What --check found; nothing where it was not asked for."""
    if not told["check"]:
        return []
    dates = len({row["as_of"] for row in told["check"]})
    differing = [row for row in told["check"] if not row["equal"]]
    if not differing:
        one = dates == 1
        were, equal = ("was run for real on a log", "equals") if one else ("were run for real on logs", "equal")
        return [f"{_count(dates, 'date')} {were} cut there, and {equal} the replay to the last bit."]
    first = differing[0]
    return [
        f"The replay does not equal a run on a log cut at {first['as_of']}: {first['what']} is {first['replayed']} in "
        f"the replay and {first['fresh']} in the run ({_count(len(differing), 'difference')} in all)."
    ]


def check(told: Mapping) -> str:
    """What --check found, or how to ask for it."""
    return " ".join(checked(told)) or "Nothing was compared: `churn replay --check` does it."


def rules(told: Mapping) -> str:
    """What the rules were worth, in a sentence."""
    if not told["rules"]:
        return "No rule refused a candidate whose month has come true."
    best = max(told["rules"], key=lambda row: row["profit"])
    return (
        f"Refusing by **{best['rule']}** was worth {money(best['profit'])} (95%: {money(best['profit_low'])} to "
        f"{money(best['profit_high'])}) over {_count(len(best['months']), 'date')}."
    )


def money(value: float) -> str:
    """Money without cents; a minus where it is a loss."""
    return f"{0 if abs(value) < 0.5 else value:,.0f}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
