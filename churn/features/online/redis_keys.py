"""Features online in Redis: hashes of customer -> row, and one key that says what is online and where its rows lie.

A snapshot is written into keys of a generation of its own; one key, written at the end, makes it what is online.
Readers look at that key together with the rows, so they see one generation, whole. The rows of a view lie in 64 hashes,
which a Redis Cluster spreads over its nodes. Only keys of this experiment are touched.
"""

from __future__ import annotations

import json
import threading
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from urllib.parse import quote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from churn.errors import FeatureStoreUnavailable
from churn.features.online.snapshot import REMEDY, Columns, Online, Rows, View

HASHES = 64  # a view and generation
ANSWERS = 2.0  # seconds in which a reader is answered
WRITES = 30.0  # and who writes many rows
LEASE = 15.0  # seconds after which the lock of a writer that was killed is free
GRACE = 60  # seconds that the rows of an earlier generation stay for who is still reading them
PUBLISH = "if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end redis.call('set', KEYS[2], ARGV[2]) return 1"
Write = Callable[[str, list[str], list[bytes]], None]


class RedisKeys:
    """The online features of one experiment."""

    in_order = False  # a hash has no order

    def __init__(self, experiment: str, *, address: str, cluster: bool = False) -> None:
        self._address, self._cluster = address if "://" in address else f"redis://{address}", cluster
        name = quote(experiment, safe="")
        # The braces: these three lie on one node of a cluster, so that a script can look at one and write another.
        self._online, self._lock, self._generations = (f"churn:{{{name}}}:{k}" for k in ("online", "lock", "written"))
        self._rows = f"churn:{name}"
        self._known: tuple[bytes | None, Online] = None, Online()
        self._writer: redis.Redis | None = None

    @cached_property
    def _reader(self) -> redis.Redis:
        return self._client(ANSWERS)

    @property
    def told(self) -> str:
        """What to do to begin anew."""
        return f"delete the key {self._online} of the Redis at {self._named}"

    @property
    def _named(self) -> str:
        return urlsplit(self._address).netloc.rpartition("@")[2]  # without user and password

    def online(self) -> Online:
        """What is online. Raises FeatureStoreUnavailable when Redis does not answer."""
        with self._told():
            return self._understood(self._reader.get(self._online))

    def read(self, views: list[str], customers: list[str]) -> tuple[Online, list[Rows]]:
        """What is online, and each view's rows: all of one generation. Raises FeatureStoreUnavailable."""
        hashes: dict[int, list[int]] = {}
        for place, customer in enumerate(customers):
            hashes.setdefault(_hash(customer), []).append(place)
        with self._told():
            known, online = self._known
            while True:
                found, rows = self._rows_of(online, [v for v in views if v in online.views], customers, hashes)
                if found == known and found is not None:
                    break
                known, online = found, self._understood(found)
                if found is None or not online.views:
                    raise FeatureStoreUnavailable(f"nothing is online in the Redis at {self._named}; {REMEDY}")
        if absent := [view for view in views if view not in online.views]:
            raise FeatureStoreUnavailable(f"the Redis at {self._named} holds nothing of {', '.join(absent)}; {REMEDY}")
        return online, [(b"".join(filter(None, held)), [len(row or b"") for row in held]) for held in rows]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time; another waits. Free again LEASE seconds after the death of a writer."""
        with self._told():
            self._writer = self._client(WRITES)
            lock = self._writer.lock(self._lock, timeout=LEASE, sleep=0.2, thread_local=False)
            lock.acquire()
        done = threading.Event()
        holding = threading.Thread(target=self._hold, args=(lock, done), daemon=True)
        holding.start()
        self._token = lock.local.token
        try:
            with self._told():
                yield
        finally:
            done.set()
            holding.join()
            if lock.owned():
                lock.release()
            self._writer.close()

    @contextmanager
    def replacing(self, online: Online) -> Iterator[Write]:
        """Write the rows of all views of a snapshot: at the end they are what is online. Views that it does not have
        stay as they are. Call it while `locked`."""
        before = self.online()
        self._forget(before)
        generation = self._begin(online.views)
        yield lambda view, customers, rows: self._insert(view, generation, customers, rows)
        written = {view: replace(held, generation=generation) for view, held in online.views.items()}
        self._publish(Online(online.snapshot, online.content, before.views | written))
        self._forget(self.online())

    def put(self, view: str, columns: Columns, customers: list[str], rows: list[bytes]) -> None:
        """Write some rows of one view beside those that are online. What is online is no whole snapshot then."""
        with self.locked():
            held = self.online()
            known = held.views.get(view)
            if known is None or known.columns != columns:
                known = View(columns, self._begin([view]))
            self._insert(view, known.generation, customers, rows)
            self._publish(Online(held.snapshot, "", held.views | {view: known}))

    def drop(self, views: Iterable[str]) -> None:
        """Take views off."""
        with self.locked():
            held = self.online()
            if gone := set(views) & set(held.views):
                self._publish(Online(held.snapshot, "", {v: c for v, c in held.views.items() if v not in gone}))
                self._forget(self.online())

    def erase(self, customer: str, *, plan: bool = False) -> int:
        """Take one customer off every view, of earlier generations too; how many rows that was, or with `plan` would
        be."""
        with self.locked():
            written = self._writer.hgetall(self._generations).items()
            pairs = [(view, generation.decode()) for generation, views in written for view in json.loads(views)]
            act = self._writer.hexists if plan else self._writer.hdel
            return sum(int(act(self._key(*pair, _hash(customer)), customer)) for pair in pairs)

    def remove(self) -> None:
        """Take everything off."""
        with self.locked():
            self._writer.delete(self._online)
            self._forget(Online())

    def _client(self, seconds: float) -> redis.Redis:
        # A connection that the server has closed is opened anew, once; one that does not answer has had its time.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        made_by = redis.RedisCluster if self._cluster else redis.Redis
        return made_by.from_url(self._address, retry=retry, socket_timeout=seconds, socket_connect_timeout=ANSWERS)

    def _understood(self, text: bytes | None) -> Online:
        known, online = self._known
        if text != known:
            online = Online.of_text(text) if text else Online()
            self._known = text, online
        return online

    def _rows_of(self, online: Online, views: list[str], customers: list[str], hashes: dict[int, list[int]]):
        """What the key says, and each view's rows where the generation known so far has them."""
        asked = self._reader.pipeline(transaction=False)
        asked.get(self._online)  # before the rows: these stay for a while after it has changed
        for view in views:
            for number, places in hashes.items():
                asked.hmget(self._key(view, online.views[view].generation, number), [customers[i] for i in places])
        found, *answers = asked.execute()
        rows, answered = [], iter(answers)
        for _ in views:
            held: list[bytes | None] = [None] * len(customers)
            for places in hashes.values():
                for place, row in zip(places, next(answered), strict=True):
                    held[place] = row
            rows.append(held)
        return found, rows

    def _key(self, view: str, generation: str, number: int) -> str:
        return f"{self._rows}:{quote(view, safe='')}:{generation}:{number}"

    def _begin(self, views: Iterable[str]) -> str:
        """A new generation, noted before its first row: what a killed writer leaves is found again."""
        generation = uuid.uuid4().hex[:12]
        self._writer.hset(self._generations, generation, json.dumps(list(views)))
        return generation

    def _insert(self, view: str, generation: str, customers: list[str], rows: list[bytes]) -> None:
        hashes: dict[int, dict[str, bytes]] = {}
        for customer, row in zip(customers, rows, strict=True):
            hashes.setdefault(_hash(customer), {})[customer] = row
        pipeline = self._writer.pipeline(transaction=False)
        for number, held in hashes.items():
            pipeline.hset(self._key(view, generation, number), mapping=held)
        pipeline.execute()

    def _publish(self, online: Online) -> None:
        """Raises FeatureStoreUnavailable when another writer holds the lock by now."""
        if not self._writer.eval(PUBLISH, 2, self._lock, self._online, self._token, online.text()):
            raise FeatureStoreUnavailable(
                f"another run has written to the Redis at {self._named} since, as this one was held up; run it again"
            )

    def _forget(self, online: Online) -> None:
        """Let the rows of all generations but those that are online end, after a while."""
        needed = {(name, view.generation) for name, view in online.views.items()}
        for generation, views in self._writer.hgetall(self._generations).items():
            pairs = {(view, generation.decode()) for view in json.loads(views)}
            pipeline = self._writer.pipeline(transaction=False)
            for view, of in pairs - needed:
                for number in range(HASHES):
                    pipeline.expire(self._key(view, of, number), GRACE, nx=True)
            pipeline.execute()
            if not pairs & needed:
                self._writer.hdel(self._generations, generation)

    def _hold(self, lock, done: threading.Event) -> None:
        while not done.wait(LEASE / 3):
            try:
                lock.reacquire()
            except redis.RedisError:
                return  # `_publish` finds out whose it is

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, RedisClusterException) as error:
            raise FeatureStoreUnavailable(f"the Redis at {self._named} does not answer: {error}") from error


def _hash(customer: str) -> int:
    return zlib.crc32(customer.encode()) % HASHES
