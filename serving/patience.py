"""A look-up in the thread of its request, and somebody who answers in time when it takes too long.

To hand each look-up to another thread and to wait for it makes two threads stand in line for Python. A look-up that
hangs cannot be broken off, either way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
LOOKS = 0.1  # seconds
HANGING = 4  # look-ups that are late and not back: the next ones are not begun

# How to answer for the request of this thread; where nobody can, its own answer comes late.
give_up: ContextVar[Callable[[], None] | None] = ContextVar("give_up", default=None)


class AnsweredAlready(Exception):
    """The look-up is back, but its request has been answered."""


class Patience:
    """`within` runs calls; `start` once in every process that answers."""

    def __init__(self) -> None:
        self._under_way: dict[int, tuple[float, Callable[[], None]]] = {}
        self._hanging: set[int] = set()
        self._answering = threading.Lock()

    def start(self) -> None:
        """Watch from now on."""
        threading.Thread(target=self._watch, name="patience", daemon=True).start()

    def within(self, seconds: float, call: Callable[[], T]) -> T:
        """What a call returns or raises. Raises TimeoutError, at once, while others hang; and AnsweredAlready."""
        answer, thread = give_up.get(), threading.get_ident()
        if len(self._hanging) >= HANGING:
            raise TimeoutError
        if answer is None:
            return call()
        self._under_way[thread] = time.monotonic() + seconds, answer
        try:
            return call()
        finally:
            if self._under_way.pop(thread, None) is None:  # taken out by `_watch`, so this request has its answer
                with self._answering:  # to its end
                    self._hanging.discard(thread)
                raise AnsweredAlready

    def _watch(self) -> None:
        while True:
            time.sleep(LOOKS)
            now = time.monotonic()
            for thread, (until, _) in list(self._under_way.items()):
                if now > until:
                    self._answer_for(thread)

    def _answer_for(self, thread: int) -> None:
        with self._answering:
            _, answer = self._under_way.pop(thread, (0.0, None))
            if answer:  # else it is back just now
                self._hanging.add(thread)
                answer()
