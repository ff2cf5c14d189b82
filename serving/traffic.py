"""What the last minutes were like: predictions asked for, and how long they took, over all workers."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque

from serving import prometheus

EVERY_SECONDS, KEPT = 15.0, 21  # five minutes


class Traffic:
    """Looks at the workers' common counters now and then; `start` once in every process that answers."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Counter]] = deque(maxlen=KEPT)
        self._started = False

    def start(self) -> None:
        """Look from now on."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._follow, name="traffic", daemon=True).start()

    def recent(self) -> dict:
        """`seconds` looked back on, `requests`, `failed` (5xx) of them, and `p99_ms`: 99 of 100 took no longer; None
        without requests, infinity beyond the last bucket."""
        now = time.monotonic(), prometheus.predictions()
        since, before = self._seen[0] if self._seen else now
        new = now[1] - before
        bounds = sorted(name for name in new if isinstance(name, float))
        requests = new["requests"]
        bound = next((bound for bound in bounds if new[bound] >= 0.99 * requests), float("inf"))
        p99 = 1e3 * bound if requests else None
        return {"seconds": now[0] - since, "requests": requests, "failed": new["failed"], "p99_ms": p99}

    def _follow(self) -> None:
        while True:
            self._seen.append((time.monotonic(), prometheus.predictions()))
            time.sleep(EVERY_SECONDS)
