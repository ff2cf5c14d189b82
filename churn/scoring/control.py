"""Who is kept back: a share of those who would be contacted, drawn by a keyed hash of the customer, not by the month.

Whoever is drawn once is drawn every month, whatever the share becomes, as long as it does not fall; so the control
group is never contacted by and by, and the difference between the groups is what contacting does.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

CONTACT, CONTROL, NONE = "contact", "control", "none"


def key(experiment: str, seed: int) -> bytes:
    """What the draw of an experiment hangs on."""
    return blake2b(f"{experiment} {seed}".encode()).digest()


def draws(key: bytes, customer_ids: Iterable[str]) -> np.ndarray:
    """A number in [0, 1) for each customer, shape (n,), the same wherever and whenever it is drawn."""
    digests = b"".join(blake2b(customer.encode(), key=key, digest_size=8).digest() for customer in customer_ids)
    return (np.frombuffer(digests, dtype=">u8") >> 11) * 2.0**-53


def groups(flagged: np.ndarray, drawn: np.ndarray, *, share: float, budget: int | None) -> np.ndarray:
    """The group of each customer, shape (n,), who come by what a contact promises, most first.

    The flagged are gone through until `budget` of them are contacted; who was drawn below `share` on the way is kept
    back, and costs nothing of the budget.
    """
    back = flagged & (drawn < share)
    contact = flagged & ~back
    before = np.cumsum(contact) - contact
    reached = before < (len(flagged) if budget is None else budget)
    return np.select([contact & reached, back & reached], [CONTACT, CONTROL], NONE)
