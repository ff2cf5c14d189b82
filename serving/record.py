"""The record behind the pages: what `churn why` says, read again when the registry has changed, and kept else."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from churn.audit import why
from churn.errors import RegistryError
from churn.registry import versions

PATIENCE_SECONDS = 2.0  # for the registry, where there is something to show meanwhile
FIRST_PATIENCE_SECONDS = 10.0  # where there is not: a busy machine is no silent registry
FRESH_SECONDS = 5.0  # a registry behind a server is not asked again within them
KEPT = 50  # documents
GONE = "gone"

log = logging.getLogger("serving.record")


@dataclass(frozen=True)
class Known:
    """A document, and for how many seconds the registry has not answered since; None: it did just now."""

    document: dict
    silent: float | None


class Record:
    """What is on the record of one experiment, for as long as a process lives."""

    def __init__(self, experiment: str) -> None:
        self.experiment = experiment
        self._kept: dict[object, tuple[object, float, dict]] = {}
        self._lock = threading.Lock()

    def standing(self) -> Known:
        """Everything behind the version in production, `version` None without one. Raises RegistryError when the
        registry is silent and never told."""
        return self._known("production", lambda: why.standing(self.experiment))

    def warm(self) -> None:
        """Read what the first page shows, so that nobody waits for it."""
        with contextlib.suppress(RegistryError):  # the page says so
            self.standing()

    def version(self, number: int) -> Known:
        """Everything behind a version. Raises RegistryError where there is none, or the registry is silent."""
        return self._known(number, lambda: why.why(self.experiment, version=number))

    def _known(self, name: object, read: Callable[[], dict]) -> Known:
        mark, kept = _mark(), self._kept.get(name)
        if kept and mark == kept[0] and (mark is not None or time.monotonic() - kept[1] < FRESH_SECONDS):
            return Known(kept[2], None)
        try:
            document = _patiently(read, mark, PATIENCE_SECONDS if kept else FIRST_PATIENCE_SECONDS)
        except RegistryError:
            if kept is None:
                raise
            return Known(kept[2], time.monotonic() - kept[1])
        with self._lock:
            self._kept.pop(name, None)
            self._kept[name] = mark, time.monotonic(), document
            for oldest in list(self._kept)[:-KEPT]:
                del self._kept[oldest]
        return Known(document, None)


def _mark() -> object:
    try:
        return versions.watermark()
    except FileNotFoundError:
        return GONE


def _patiently(read: Callable[[], dict], mark: object, seconds: float) -> dict:
    """Raises RegistryError where it takes too long, fails, or there is no registry: looking must not make one."""
    if mark == GONE:
        raise RegistryError("the registry is missing")
    waiting = ThreadPoolExecutor(1, thread_name_prefix="record")
    try:
        return waiting.submit(read).result(seconds)
    except TimeoutError:
        raise RegistryError(f"the registry has not answered for {seconds:g} s") from None
    except Exception as error:  # whatever MLflow raises; the log of the request has what is no registry's fault
        log.warning("record", exc_info=error)
        raise RegistryError(f"the registry does not answer: {error}") from error
    finally:
        waiting.shutdown(wait=False)
