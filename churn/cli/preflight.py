"""What every command needs before it begins: a state folder that can be used, and a tracking store that answers.

Without it a library fails half a minute or four minutes later, in its own words. Nothing is written here.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from churn import state
from churn.errors import UserError

SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
SECONDS = 5  # that a tracking server may take to answer
SQLITE = b"SQLite format 3\0"


def refuse_unusable() -> None:
    """Raises UserError where the state folder, the embedded store or the tracking server cannot be used."""
    _state_folder(_root())
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    if address:
        _tracking_store(address)
    else:
        _embedded_store(state.path("mlflow.db"))


def _root() -> Path:
    try:
        root = state.root()
        root.exists()
    except (RuntimeError, OSError) as fault:  # a home folder of nobody, links in a circle, a name too long
        why = getattr(fault, "strerror", None) or str(fault).rstrip(".")
        raise UserError(
            f"the state folder {os.environ.get('CHURN_STATE')}: {why}; name another folder in CHURN_STATE"
        ) from None
    return root


def _state_folder(root: Path) -> None:
    for character in "#?%":
        if character in str(root):
            raise UserError(
                f"the state folder {root}: its path holds a {character!r}, which addresses of files give another "
                "meaning; name another folder in CHURN_STATE"
            )
    there = next(place for place in (root, *root.parents) if place.exists())
    if not there.is_dir():
        raise UserError(f"the state folder {root}: {there} is a file; name a folder in CHURN_STATE")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"the state folder {root}: nothing can be written into {there}; name another in CHURN_STATE")


def _embedded_store(file: Path) -> None:
    begins = b""
    if file.is_file():
        with open(file, "rb") as opened:
            begins = opened.read(len(SQLITE))
    if file.is_dir() or begins not in (b"", SQLITE):
        raise UserError(
            f"{file} is not a SQLite database: it was damaged or overwritten; restore it, or move it away, "
            "which forgets every run and model"
        )


def _tracking_store(address: str) -> None:
    scheme = address.partition(":")[0].partition("+")[0]
    if scheme not in SCHEMES:
        raise UserError(
            f"MLFLOW_TRACKING_URI has the scheme {scheme!r}; known are {', '.join(SCHEMES)}; correct the address, "
            "or unset the variable, for a store in the state folder"
        )
    if scheme in ("http", "https") and (why := _silence(address)):
        raise UserError(
            f"the tracking server that MLFLOW_TRACKING_URI names does not answer ({why}); start it, correct the "
            "address, or unset the variable, for a store in the state folder"
        )


def _silence(address: str) -> str | None:
    """Why a server does not answer; None for one that does, whatever it says. Takes SECONDS at most."""
    found: list[str | None] = [f"within {SECONDS} s"]
    asked = threading.Thread(target=lambda: found.append(_ask(address)), daemon=True)  # a name's look-up has no limit
    asked.start()
    asked.join(SECONDS)
    return found[-1]


def _ask(address: str) -> str | None:
    import ssl
    from http.client import HTTPException
    from urllib import parse, request

    trusting = ssl.create_default_context()  # whom MLflow trusts is for its own settings; nothing secret goes out here
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    opener = request.OpenerDirector()  # an error or a redirection is an answer: without the handlers of these
    for handler in (request.ProxyHandler(), request.HTTPHandler(), request.HTTPSHandler(context=trusting)):
        opener.add_handler(handler)
    try:
        parts = parse.urlsplit(address)
        host = parts.netloc.rpartition("@")[2]  # a user and a password may stand before it
        opener.open(f"{parts.scheme}://{host}{parts.path.rstrip('/')}/health", timeout=SECONDS).close()
    except (OSError, ValueError, HTTPException) as fault:
        return " ".join(str(getattr(fault, "reason", fault)).split()) or type(fault).__name__
    return None
