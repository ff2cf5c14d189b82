"""gunicorn's worker with threads, which leaves a new connection to the worker that has fewer of them."""

from __future__ import annotations

import time

from gunicorn.workers.gthread import ThreadWorker

STEP, MOST = 0.0002, 0.002  # seconds


class BalancedWorker(ThreadWorker):
    """A connection stays with who has accepted it. Of eight that come at once one worker may get seven, and each of
    these then waits for the six others: so whoever holds some waits a little longer for one more."""

    def accept(self, listener) -> None:
        """Take a connection, if nobody else has by then."""
        time.sleep(min(STEP * self.nr_conns, MOST))
        super().accept(listener)
