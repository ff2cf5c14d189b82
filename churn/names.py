"""Names that users give, as every library can hold them. What becomes of a name is decided here and nowhere else.

A name stays as it is where that is possible, whatever is in it. Two names never become one: libraries, and DuckDB most
of all, do not tell `Plan` from `plan`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape

from churn import fingerprint

LONGEST = 100  # bytes of what begins a file's name, which ends at 255
CONTROL = re.compile(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]+\s*")

MARKUP = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)")


def distinct(given: Sequence[tuple[str, str]], *, form: Callable[[str], str], taken: Iterable[str] = ()) -> list[str]:
    """A name for each (owner, name): the name itself, or in a `form` that is held. Where several would have the same,
    and it is not just one's own, none of them has it: they become `owner.name`, or end in a digest. No order counts.

    `taken` are names that nobody gets; an owner may be "".
    """
    used, result = {name.lower() for name in taken}, {}
    for spelling in (_plain, _owned, _numbered):
        wanted = {at: form(spelling(*pair, given[:at])) for at, pair in enumerate(given) if at not in result}
        asked = Counter(name.lower() for name in wanted.values())
        own = Counter(name.lower() for at, name in wanted.items() if name == given[at][1])
        for at, name in wanted.items():
            key = name.lower()
            if key not in used and (asked[key] == 1 or (name == given[at][1] and own[key] == 1)):
                result[at] = name
        used |= {name.lower() for name in result.values()}
    return [result[at] for at in range(len(given))]


def column(name: str) -> str:
    """A feature's name as Feast can hold it: in its references a colon parts view and feature, and its join throws
    away what ends in `_y`. Nor can a figure hold a line break."""
    name = CONTROL.sub(" ", name).replace(":", "_")
    name = name if name.strip() else "unnamed"
    return f"{name}_" if name.endswith("_y") else name


def slug(name: str) -> str:
    """A name of files, views and features of a kind: `Gift card` -> `gift_card`, `Größe/Länge` -> `größe_länge`."""
    words = re.sub(r"[\W_]+", "_", name.lower()).strip("_") or "unnamed"
    if len(words.encode()) <= LONGEST:
        return words
    return f"{words.encode()[: LONGEST - 9].decode(errors='ignore')}_{fingerprint.of_values(name)[:8]}"


def table(name: str) -> str:
    """A table's name as a view can have it: as it is, where it has nothing but letters, digits and `_`."""
    return name if re.fullmatch(r"\w+", name) and len(name.encode()) <= LONGEST else slug(name)


def artifact(name: str) -> str:
    """A table's name as MLflow's paths can hold it: they take `%20` for a blank, and no `#`."""
    return name if re.fullmatch(r"[\w /.-]*", name) else f"{slug(name)}_{fingerprint.of_values(name)[:8]}"


def in_markdown(text: str) -> str:
    """A name within a sentence of a report, where `*` and `<b>` would not be read as what they are."""
    return MARKUP.sub(r"\\\g<0>", escape(text, quote=False))


def _plain(_owner: str, name: str, _before: Sequence[tuple[str, str]]) -> str:
    return name


def _owned(owner: str, name: str, _before: Sequence[tuple[str, str]]) -> str:
    return f"{owner}.{name}" if owner else name


def _numbered(owner: str, name: str, before: Sequence[tuple[str, str]]) -> str:
    return f"{name}_{fingerprint.of_values([owner, name, before.count((owner, name))])[:8]}"
