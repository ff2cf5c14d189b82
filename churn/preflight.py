"""What every command needs before it begins: a state folder that can be used, and a tracking store that answers.

Without it a library fails half a minute or four minutes later, in its own words. Nothing is written here.
"""

from __future__ import annotations

import os
from pathlib import Path

from churn import state
from churn.errors import UserError

SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
SECONDS = 5  # that a tracking server may take to answer
SQLITE = b"SQLite format 3\0"


def refuse_unusable() -> None:
    """Raises UserError where the state folder, the embedded store or the tracking server cannot be used."""
    _state_folder(state.root())
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    if address:
        _tracking_store(address)
    else:
        _embedded_store(state.path("mlflow.db"))


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
    if not file.exists():
        return
    with open(file, "rb") as opened:
        begins = opened.read(len(SQLITE))
    if begins not in (b"", SQLITE):
        raise UserError(
            f"{file} is not a SQLite database: it was damaged or overwritten; restore it, or move it away, "
            "which forgets every run and model"
        )


def _tracking_store(address: str) -> None:
    scheme = address.partition(":")[0].partition("+")[0]
    if scheme not in SCHEMES:
        raise UserError(f"MLFLOW_TRACKING_URI has the scheme {scheme!r}; known are {', '.join(SCHEMES)}")
    if scheme not in ("http", "https"):
        return
    from urllib import error, request

    try:
        request.urlopen(f"{address.rstrip('/')}/health", timeout=SECONDS).close()
    except error.HTTPError:
        return  # it answers
    except (OSError, ValueError) as fault:
        why = getattr(fault, "reason", fault)
        raise UserError(
            f"the tracking server that MLFLOW_TRACKING_URI names does not answer ({why}); start it, correct the "
            "address, or unset the variable, for a store in the state folder"
        ) from None
