"""A notebook ends with its contract: plain values that the next stage reads, and nothing else passes between them."""

from __future__ import annotations

from IPython.display import Markdown

from churn import state
from churn.pipeline.execution._papermill import scrapbook

LONGEST = 1_000  # characters of a value that are shown


def glue(**values: object) -> Markdown:
    """Glue values by name; returns them as text for people."""
    for name, value in values.items():
        scrapbook.glue(name, value)
    return Markdown("\n".join(f"- {name}: `{_short(value)}`" for name, value in values.items()))


def _short(value: object) -> str:
    """Numbers with four digits, paths as they lie in the state folder, of what is long the beginning."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value).removeprefix(f"{state.root()}/")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
