"""The tables of errors: the API's kinds of problem documents, and the exceptions with the exit codes of commands."""

from __future__ import annotations

from collections.abc import Iterator

from churn.errors import ChurnError
from docs.generate.table import table
from serving.problems import KINDS, REMEDIES

PAGE = "errors"


def tables() -> dict[str, str]:
    """Mark -> Markdown."""
    problems = [(f"`{kind}`", str(status), title, REMEDIES[kind]) for kind, (status, title) in KINDS.items()]
    known = [(f"`{error.__name__}`", str(error.exit_code), " ".join(error.__doc__.split())) for error in _all()]
    return {
        "problems": table(("type", "status", "meaning", "what to do"), problems),
        "exceptions": table(("error", "exit code", "what it says"), known),
    }


def _all(error: type = ChurnError) -> Iterator[type]:
    """The class and those below it, of churn.errors, as they stand there."""
    if error.__module__ == ChurnError.__module__:
        yield error
    for below in error.__subclasses__():
        yield from _all(below)
