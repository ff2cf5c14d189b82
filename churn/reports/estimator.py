"""An estimator's structure as a list: what happens to which columns, in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from churn.names import in_markdown

NAMED = 6  # columns that are named; of more, how many there are beside


def structure(fitted: object) -> str:
    """A nested list in Markdown: the steps of a pipeline are numbered, the columns that go side by side are bullets."""
    return "\n".join(_lines(fitted))


def _lines(part: object, indent: str = "", mark: str = "-") -> Iterator[str]:
    deeper = f"{indent}    "
    if isinstance(part, Pipeline):
        yield f"{indent}{mark} one after the other:"
        for place, (_, step) in enumerate(part.steps, 1):
            yield from _lines(step, deeper, f"{place}.")
    elif isinstance(part, ColumnTransformer):
        yield f"{indent}{mark} side by side:"
        for name, branch, columns in part.transformers:
            if len(columns):
                yield f"{deeper}- {_columns(name, list(columns))}"
                yield from _lines(branch, f"{deeper}    ")
    else:
        yield f"{indent}{mark} `{_one(part)}`"


def _columns(kind: str, columns: list) -> str:
    named = ", ".join(in_markdown(str(column)) for column in columns[:NAMED])
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    return f"**{len(columns)}** of kind *{in_markdown(kind)}*: {named}{more}"


def _one(step: object) -> str:
    """As it is written in code, on one line; a function by its name, not by its place in memory."""
    return re.sub(r"<function (\w+) at \w+>", r"\1", " ".join(str(step).split())).replace("`", "'")
