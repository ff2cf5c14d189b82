"""A notebook ends with its contract: plain values that the next stage reads, and nothing else passes between them."""

from __future__ import annotations

from IPython.display import Markdown

from churn import state
from churn.pipeline.execution._papermill import scrapbook


def glue(**values: object) -> Markdown:
    """Glue values by name; returns them as text for people."""
    for name, value in values.items():
        scrapbook.glue(name, value)
    return Markdown("\n".join(f"- {name}: `{_short(value)}`" for name, value in values.items()))


def _short(value: object) -> object:
    """Numbers with four digits, paths as they lie in the state folder."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).removeprefix(f"{state.root()}/")
