"""A lock on a file in the state folder: it holds between processes that share the folder."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import filelock

from churn import state
from churn.errors import RegistryBusy


@contextmanager
def hold(name: str, *, seconds: float) -> Iterator[None]:
    """Hold it; may be held twice. The operating system frees the lock of a process that dies.

    Raises RegistryBusy after so many seconds, which names the holder.
    """
    path = state.path(name, "registry.lock")
    owner = path.with_suffix(".owner.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(path, timeout=seconds, is_singleton=True):  # one object a path: may be held twice
            since = f"{datetime.now(UTC):%FT%TZ}"
            state.write_json(owner, {"pid": os.getpid(), "host": socket.gethostname(), "since": since})
            yield
    except filelock.Timeout:
        holder = json.loads(owner.read_text()) if owner.exists() else {"pid": "unknown"}
        raise RegistryBusy(
            f"the registry of {name} is busy: process {holder['pid']} on {holder.get('host', 'this machine')} has held "
            f"it since {holder.get('since', 'some time')}, over {seconds:g} s; try again, or end that process"
        ) from None
