"""The url of a database: which kind it is of, and what in it nobody may read."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from churn.errors import InvalidData

KINDS = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite"}


def kind_of(url: str, *, shown: str) -> str:
    """postgresql or sqlite; a driver may be named, as in `postgresql+psycopg://`. Raises InvalidData, about `shown`."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9.-]*)(\+\w+)?://", url)
    if scheme and (kind := KINDS.get(scheme[1].lower())):
        return kind
    found = f"its scheme is {scheme[1]!r}" if scheme else "it is none"
    raise InvalidData(f"{shown}: a url of postgresql:// or sqlite:/// is needed, other databases are not read; {found}")


def without_driver(url: str) -> str:
    """The url as libpq takes it, without the `+driver` that SQLAlchemy knows."""
    return re.sub(r"^(\w+)\+\w+://", r"\1://", url)


def file_of(url: str) -> str:
    """The path that a url of SQLite names: relative after three slashes, absolute after four."""
    return unquote(url.partition("://")[2].partition("?")[0].removeprefix("/"))


def passwords(url: str) -> set[str]:
    """The passwords in a url, as they are written and decoded."""
    asides = [aside.partition(":")[2] for aside, _ in _split(url)]
    return _forms([*asides, *_in_the_query(url, "password", "sslpassword")])


def names(url: str) -> set[str]:
    """Who asks and where, as they are written and decoded: the user and the servers, or the file."""
    if re.match("sqlite", url, re.IGNORECASE):
        return _forms([file_of(url)])
    users = [aside.partition(":")[0] for aside, _ in _split(url)]
    servers = [host for _, place in _split(url) for host in place.partition("/")[0].split(",")]
    alone = [re.sub(r":\d*$", "", host).strip("[]") for host in servers]
    return _forms([*users, *servers, *alone, *_in_the_query(url, "user", "host", "hostaddr")])


def _split(url: str) -> list[tuple[str, str]]:
    """User and password, and what follows: where somebody forgot to encode an @ or a ?, all that they may be."""
    rest = url.partition("://")[2]
    parts = [rest, rest.partition("?")[0]]
    first = [part.partition("@")[::2] for part in parts if "@" in part]
    return first + [part.rpartition("@")[::2] for part in parts]


def _in_the_query(url: str, *wanted: str) -> list[str]:
    return [value for name, value in parse_qsl(url.partition("?")[2]) if name in wanted]  # libpq takes them there too


def _forms(written: list[str]) -> set[str]:
    return {form for part in written for form in (part, unquote(part)) if form}
