"""Whether MLflow's store can be used: does it answer, and are the experiments there. Nothing is written here.

Looked at without MLflow, which takes seconds to load and a first kernel does not wait for.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib import parse

from churn import state
from churn.errors import ExperimentDeleted, UserError

SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
SECONDS = 5  # that a store may take to answer
SQLITE = b"SQLite format 3\0"
DELETED = "SELECT experiment_id, name FROM experiments WHERE lifecycle_stage = 'deleted'"  # a few, of one's own hand
PACKAGES = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}  # of SQL's drivers
Found = TypeVar("Found")
OTHERWISE = "or unset the variable, for a store in the state folder"


def refuse_unusable(experiment: str = "") -> None:
    """Raises UserError where the store cannot be used, nor the lock beside it, or where an experiment, or that of its
    decisions, is deleted."""
    address = state.tracking_uri()
    _lock(os.environ.get("CHURN_LOCK", ""))
    scheme = address.partition(":")[0].partition("+")[0]
    if scheme not in SCHEMES:
        raise UserError(
            f"MLFLOW_TRACKING_URI has the scheme {scheme!r}; known are {', '.join(SCHEMES)}; correct the address, "
            f"{OTHERWISE}"
        )
    look = {"http": _server, "https": _server, "databricks": _databricks}.get(scheme, _database)
    look = _file if address.startswith("sqlite:///") else look
    names = [experiment, f"{experiment}-decisions"] if experiment else []
    if gone := {name: state.restore_command(number) for number, name in look(address, names) if name in names}:
        raise ExperimentDeleted.of(gone)


def shown() -> str:
    """Where the store is, without a password, and the lock beside it."""
    named = []
    for address in filter(None, [state.tracking_uri(), os.environ.get("CHURN_LOCK", "")]):
        parts = address.partition("://")
        named.append("".join([*parts[:2], parts[2].rpartition("@")[2]]))
    return " and ".join(named)


def _lock(address: str) -> None:
    """The database of the lock that many machines share, where one is named beside the store."""
    if not address:
        return
    if not address.startswith(("postgresql:", "postgresql+")):
        raise UserError(
            f"CHURN_LOCK has the scheme {address.partition(':')[0]!r}; the lock is one of PostgreSQL's: name the "
            "database behind the tracking server (postgresql://...), or unset the variable"
        )
    _database(address, [], variable="CHURN_LOCK", otherwise="or unset the variable, for a lock in the state folder")


def _file(address: str, names: list[str]) -> Iterable[tuple[object, str]]:
    """A file of SQLite; one that is still to be made is fine."""
    file, begins = Path(address.removeprefix("sqlite:///").partition("?")[0]), b""
    if file.is_file():
        with open(file, "rb") as opened:
            begins = opened.read(len(SQLITE))
    if file.is_dir() or begins not in (b"", SQLITE):
        raise UserError(
            f"{file} is not a SQLite database: it was damaged or overwritten; restore it, or move it away, "
            "which forgets every run and model"
        )
    if not begins or not names:
        return []
    with suppress(sqlite3.Error):  # no table yet, or held by somebody: MLflow waits, and says what is wrong
        opened = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return opened.execute(DELETED).fetchall()
        finally:
            opened.close()
    return []


def _database(
    address: str, names: list[str], *, variable: str = "MLFLOW_TRACKING_URI", otherwise: str = OTHERWISE
) -> Iterable[tuple[object, str]]:
    """A database that SQLAlchemy reaches, as MLflow does."""
    import sqlalchemy

    def look() -> list[tuple[object, str]]:
        with sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool).connect() as opened:
            with suppress(sqlalchemy.exc.ProgrammingError, sqlalchemy.exc.OperationalError):  # no table yet
                return list(opened.execute(sqlalchemy.text(DELETED)).tuples())
            return []

    try:
        return _in_time(look)
    except ModuleNotFoundError as missing:
        package = PACKAGES.get(missing.name, missing.name)
        raise UserError(
            f"the database that {variable} names needs the driver {missing.name}, which is not installed; "
            f"install it (`{sys.executable} -m pip install '{package}'`), name another, {otherwise}"
        ) from None
    except (sqlalchemy.exc.SQLAlchemyError, ValueError, OSError) as fault:
        told = str(getattr(fault, "orig", None) or fault).strip().partition("\n")[0]
        raise _silent("database", _without_password(told, address), variable, otherwise) from None


def _server(address: str, names: list[str]) -> Iterable[tuple[object, str]]:
    """A tracking server; whatever it says is an answer."""
    _answers(address)
    return [found for name in names if (found := _in_time(lambda name=name: _deleted_on(address, name)))]


def _databricks(address: str, names: list[str]) -> Iterable[tuple[object, str]]:
    """A workspace of Databricks, for which its own library finds the credentials."""
    from databricks.sdk.config import Config

    profile = address.partition("://")[2]
    if ":" not in profile:  # else they lie in a secret scope of the workspace itself
        try:
            host = Config(**({"profile": profile} if profile else {})).host
        except ValueError as fault:
            raise UserError(
                f"MLFLOW_TRACKING_URI is {address}, and there are no credentials for it "
                f"({str(fault).partition(', please')[0]}); set DATABRICKS_HOST and DATABRICKS_TOKEN, {OTHERWISE}"
            ) from None
        _answers(host)
    return []


def _answers(address: str) -> None:
    from http.client import HTTPException

    try:
        _in_time(lambda: _ask(address, "/health"))
    except (OSError, ValueError, HTTPException) as fault:
        told = " ".join(str(getattr(fault, "reason", fault)).split()) or type(fault).__name__
        raise _silent("tracking server", told) from None


def _without_password(text: str, address: str) -> str:
    try:
        password = parse.urlsplit(address).password
    except ValueError:
        return "the address is none"
    return text.replace(password, "***") if password else text


def _silent(what: str, why: str, variable: str = "MLFLOW_TRACKING_URI", otherwise: str = OTHERWISE) -> UserError:
    return UserError(
        f"the {what} that {variable} names does not answer ({why}); start it, correct the address, {otherwise}"
    )


def _in_time(look: Callable[[], Found]) -> Found:
    """What a look finds. Raises what it raises, and TimeoutError after SECONDS: a name's look-up has no limit."""
    found: Future[Found] = Future()

    def looks() -> None:
        try:
            found.set_result(look())
        except Exception as fault:
            found.set_exception(fault)

    thread = threading.Thread(target=looks, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if not found.done():
        raise TimeoutError(f"within {SECONDS} s")
    return found.result()


def _deleted_on(address: str, name: str) -> tuple[object, str] | None:
    """The experiment's number and name where the server says that it is deleted."""
    from http.client import HTTPException

    query = parse.urlencode({"experiment_name": name})
    with suppress(OSError, ValueError, LookupError, TypeError, HTTPException):  # what else it says is for MLflow
        told = json.loads(_ask(address, f"/api/2.0/mlflow/experiments/get-by-name?{query}"))["experiment"]
        return (told["experiment_id"], name) if told["lifecycle_stage"] == "deleted" else None
    return None


def _ask(address: str, path: str) -> bytes:
    """What a server answers; nothing secret goes to /health, whose answer is no matter."""
    import ssl
    from urllib import request

    trusting = ssl.create_default_context()  # whom MLflow trusts is for its own settings
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    opener = request.OpenerDirector()  # an error or a redirection is an answer: without the handlers of these
    for handler in (request.ProxyHandler(), request.HTTPHandler(), request.HTTPSHandler(context=trusting)):
        opener.add_handler(handler)
    parts = parse.urlsplit(address)
    host = parts.netloc.rpartition("@")[2]  # a user and a password may stand before it
    with opener.open(f"{parts.scheme}://{host}{parts.path.rstrip('/')}{path}", timeout=SECONDS) as answer:
        return answer.read()
