"""Sentences on whom to contact and what that earns: every number in them is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
