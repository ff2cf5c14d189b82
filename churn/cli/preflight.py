"""What every command needs before it begins: a state folder that can be used, and a tracking store that answers.

Without it a library fails half a minute or four minutes later, in its own words. Nothing is written here.
"""

from __future__ import annotations

import os
from pathlib import Path

from churn import state
from churn.cli import tracking_store
from churn.errors import UserError


def refuse_unusable(experiment: str = "") -> None:
    """Raises UserError where the state folder or MLflow's store cannot be used, or an experiment there is deleted."""
    refuse_state_folder()
    tracking_store.refuse_unusable(experiment)


def refuse_state_folder() -> None:
    """Raises UserError where nothing can be kept in the state folder."""
    _state_folder(_root())
    state.give_libraries_a_home()


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
