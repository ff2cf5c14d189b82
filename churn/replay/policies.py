"""Policies: what would have been done otherwise, in words that become parameters of the params file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from churn.errors import InvalidParams
from churn.names import slug
from churn.params import schema
from churn.params.schema import Params

DEFAULT = ("always", "months=3", "alarm", "never")
WORDS = ("always", "alarm", "never")
FORMS = f"{', '.join(WORDS)}, months=N, or section.key=value, several with blanks between"


@dataclass(frozen=True)
class Policy:
    """A policy: its text as it was given, and the whole parameters under it."""

    text: str
    params: Params

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return slug(self.text)


def read(file: str | Path, overrides: list[str], texts: list[str]) -> list[Policy]:
    """The policies of a params file. Raises InvalidParams for a word that is none, and for a policy that is named twice
    or takes another log."""
    texts = [" ".join(text.split()) for text in texts or DEFAULT]
    given = schema.load(file, overrides)
    policies = [Policy(text, schema.load(file, [*overrides, *_overrides(text)])) for text in texts]
    for number, policy in enumerate(policies):
        if policy.folder in {other.folder for other in policies[:number]}:
            raise InvalidParams(f"--policy {policy.text!r} is named twice; each policy is lived once")
        if policy.params.experiment != given.experiment:
            raise InvalidParams(f"--policy {policy.text!r} changes the experiment; a replay is of one experiment")
        if policy.params.data != given.data:
            raise InvalidParams(f"--policy {policy.text!r} changes data; policies are compared on one log")
    return policies


def _overrides(text: str) -> list[str]:
    """`alarm train.model=bg_nbd` as overrides of a params file."""
    if not text:
        raise InvalidParams(f"--policy is empty; a policy is {FORMS}")
    return [_override(text, word) for word in re.findall(r"(?:[^\s{\[]|\{[^}]*\}|\[[^\]]*\])+", text)]


def _override(text: str, word: str) -> str:
    if word in WORDS:
        return f"retrain.when={word}"
    if months := re.fullmatch(r"months=(\d+)", word):
        return f"retrain.when={{months: {months[1]}}}"
    if "=" not in word or "." not in word.partition("=")[0]:
        raise InvalidParams(f"--policy {text!r}: {word!r} is no policy; known are {FORMS}")
    return word
