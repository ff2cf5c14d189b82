"""An advisory lock of PostgreSQL's: it holds between all machines whose registry lies behind that database.

It belongs to a connection. PostgreSQL frees it when the connection ends, with its process or because it is cut; what
the process does afterwards it does without the lock, so `check` comes before each step.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING

from churn.errors import RegistryBusy, RegistryError, UserError, first_line

if TYPE_CHECKING:
    from psycopg import Connection

# A machine that went down says no goodbye: PostgreSQL asks after 10 s of silence, and gives it up 15 s later.
SESSION = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
NAME_LIMIT = 63  # bytes that PostgreSQL keeps of an application's name
HOLDER = """\
SELECT application_name, host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = %s"""


class _Held(threading.local):
    """The connections by which this thread holds locks, by the model's name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Connection] = {}


_held = _Held()


@contextmanager
def hold(address: str, name: str, *, seconds: float) -> Iterator[None]:
    """Hold it; may be held twice by a thread. `address` is that of a database, as SQLAlchemy has it.

    Raises RegistryBusy after so many seconds, which names the holder; RegistryError where the database does not answer.
    """
    if name in _held.by_name:
        check(name)
        yield
        return
    psycopg = _driver()
    try:
        connection = psycopg.connect(conninfo(address), autocommit=True, connect_timeout=5, options=SESSION,
                                     application_name=_application(), keepalives_idle=10)  # fmt: skip
    except psycopg.Error as error:
        raise RegistryError(f"the lock on the registry of {name}: PostgreSQL says {first_line(error)}") from None
    with connection:
        _acquire(psycopg, connection, name, seconds)
        _held.by_name[name] = connection
        try:
            yield
        finally:
            del _held.by_name[name]


def check(name: str) -> None:
    """Raises RegistryError where this thread held the lock and has lost it: somebody else may hold it by now."""
    if (connection := _held.by_name.get(name)) is None:
        return
    try:
        connection.execute("SELECT 1")
    except _driver().Error as error:
        raise RegistryError(
            f"the lock on the registry of {name} was lost, for PostgreSQL says: {first_line(error)}; nothing was done "
            "after that; type the same command again, which finishes what was begun"
        ) from None


def conninfo(address: str) -> str:
    """The address as libpq takes it: without the driver that SQLAlchemy reads (`postgresql+psycopg://`)."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", address)


def key(name: str) -> int:
    """The number that stands for a model in its database, 63 bits of a hash of its name."""
    return int.from_bytes(hashlib.sha256(f"churn registry {name}".encode()).digest()[:8], "big") >> 1


def _acquire(psycopg: ModuleType, connection: Connection, name: str, seconds: float) -> None:
    try:
        connection.execute(f"SET lock_timeout = {int(seconds * 1000)}")
        connection.execute("SELECT pg_advisory_lock(%s)", [key(name)])
        connection.execute("SELECT set_config('application_name', %s, false)", [f"{_application()} {_now()}"])
    except psycopg.errors.LockNotAvailable:
        raise RegistryBusy(
            f"the registry of {name} is busy: {_holder(connection, name)} has held it for over {seconds:g} s; try "
            "again, or end that process"
        ) from None
    except psycopg.Error as error:
        raise RegistryError(f"the lock on the registry of {name}: PostgreSQL says {first_line(error)}") from None


def _holder(connection: Connection, name: str) -> str:
    """Who holds the lock, as `churn <host> <process> <since>`; another role's sessions have no name for us."""
    told, address = connection.execute(HOLDER, [key(name)]).fetchone() or ("", None)
    match (told or "").split():
        case ["churn", host, pid, *since]:
            return f"process {pid} on {host}, which took it {f'at {since[0]}' if since else 'just now'},"
        case _:
            return f"a process of another role's{f' at {address}' if address else ''}"


def _application() -> str:
    pid = os.getpid()
    return f"churn {socket.gethostname()[: NAME_LIMIT - len(f'churn  {pid} {_now()}')]} {pid}"


def _now() -> str:
    return f"{datetime.now(UTC):%FT%TZ}"


def _driver() -> ModuleType:
    try:
        import psycopg
    except ModuleNotFoundError:
        raise UserError(
            "the registry lies behind PostgreSQL, whose lock needs the driver psycopg, which is not installed; install "
            f"it (`{sys.executable} -m pip install 'psycopg[binary]'`)"
        ) from None
    return psycopg
