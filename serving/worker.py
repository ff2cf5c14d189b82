"""gunicorn's worker with threads, which leaves a new connection to the worker that has fewest of them."""

from __future__ import annotations

import mmap
import time

from gunicorn.workers.gthread import ThreadWorker

WAITS = 0.001  # seconds
SLOTS, NOBODY = 64, 0xFFFF
# How many connections each worker holds: memory that they share, for this module is imported before they are forked.
HELD = memoryview(mmap.mmap(-1, 2 * SLOTS)).cast("H")
HELD[:] = memoryview(NOBODY.to_bytes(2, "little") * SLOTS).cast("H")


class BalancedWorker(ThreadWorker):
    """A connection stays with who has accepted it. Of eight that come at once one worker may get seven, and each of
    these then waits for the six others: so who holds more than another lets that one go first."""

    def accept(self, listener) -> None:
        """Take a connection, if nobody else has by then."""
        if self.nr_conns > min(HELD):
            time.sleep(WAITS)
        super().accept(listener)
        self._tell()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One turn of the loop."""
        self._tell()
        super().wait_for_and_dispatch_events(timeout)

    def _tell(self) -> None:
        HELD[self.age % SLOTS] = min(self.nr_conns, NOBODY - 1)

    def forget(self) -> None:
        """It is gone, and holds none: in the process that has started it."""
        HELD[self.age % SLOTS] = NOBODY
