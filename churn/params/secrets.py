"""What looks like a secret, by its name or by its shape, is no parameter: those are logged, printed and kept."""

from __future__ import annotations

import re
from typing import Any

from churn.errors import InvalidParams

REMEDY = "parameters are logged and printed: keep it in the environment; the data section may name it, ${NAME}"

NAMES = r"""
    password | passwd | passphrase | secret | credential | bearer
  | (?<![a-z]) (?: pass | pwd | creds? | tokens? | auth (?! ors? (?![a-z])) [a-z]* ) (?![a-z])
  | (?: api | access | account | private | signing | encryption ) [ ._-]? key
"""
NAME = re.compile(NAMES, re.VERBOSE | re.IGNORECASE)
ASSIGNED = re.compile(  # ?sig=..., ;AccountKey=..., password=...; but not the path token=5/part.parquet
    rf"""(?: [?&;] [\w.-]*? (?: {NAMES} | sig (?:nature)? ) \s?=\s?
           | (?: ^ | [\s,] ) [\w.-]*? (?: {NAMES} ) \s?=\s? (?! [^\s,]* / ) )
         (?! \$\{{ ) [^\s&;,]""",
    re.VERBOSE | re.IGNORECASE,
)
SHAPE = re.compile(
    r"""://[^/\s:@]*:(?!\$\{|\d+/)[^\s@]+@                              # scheme://user:password@host
  | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
  | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                                   # JSON web token
  | \bBearer\ +\S{8}
  | \bAKIA[0-9A-Z]{16}\b | \bASIA(?=[A-Z]*\d)[0-9A-Z]{16}\b             # AWS
  | \b(?:gh[oprsu]|github_pat)_\w{20,} | \bglpat-[\w-]{20,}             # GitHub, GitLab
  | \bxox[a-z]-[\w-]{10,} | hooks\.slack\.com/services/\w               # Slack
  | \bAIza[\w-]{35} | \bya29\.[\w-]{20,}                                # Google
  | \b(?:[rs]k_(?:live|test)|whsec)_\w{16,}                             # Stripe
  | \bsk-(?:(?:proj|svcacct|admin|ant)-[\w-]{20,}|[A-Za-z0-9]{32,})     # OpenAI, Anthropic
  | \bhf_[A-Za-z]{30,} | \bnpm_\w{36}
    """,
    re.VERBOSE,
)
RANDOM = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?!(?:.*/){4})[A-Za-z0-9+/]{40,}={0,2}")


def refuse(node: Any, where: str, key: str = "") -> None:
    """Raises InvalidParams for a tree of plain values that holds a secret.

    The message is `where`, the secret's key and the remedy; it never repeats the secret.
    """
    if isinstance(node, dict):
        for name, value in node.items():
            refuse(name, where, "a key")
            inner = f"{key}.{name}".strip(".")
            inner = inner if re.fullmatch(r"[\w.-]{0,80}", inner) else "a key"
            if NAME.search(_apart(str(name))):
                raise InvalidParams(f"{where}{inner}: has the name of a secret; {REMEDY}")
            refuse(value, where, inner)
    elif isinstance(node, list):
        for value in node:
            refuse(value, where, key)
    elif isinstance(node, str) and (SHAPE.search(node) or ASSIGNED.search(node) or _is_random(node)):
        raise InvalidParams(f"{where}{key}{': ' if key else ''}looks like a secret; {REMEDY}")


def _apart(name: str) -> str:
    """The words of a camelCase name apart: accessToken -> access_Token."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def _is_random(text: str) -> bool:
    """At least 40 characters of three kinds and hardly a word among them, such as AWS's secret keys; not a path."""
    words = sum(map(len, re.findall("[a-z]{3,}", text)))
    return bool(RANDOM.fullmatch(text)) and words < len(text) / 3
