"""Features online in one SQLite file: a table a view, (customer, row), and the document that says what is online.

A snapshot is written into a file of its own, in the order of the keys and in one transaction, which then takes the
place of the file before it. So a reader sees one file, whole, and a writer that is killed leaves nothing but its own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock

from churn import state
from churn.errors import FeatureStoreUnavailable
from churn.features.online.snapshot import REMEDY, Columns, Online, Rows, View

OURS = 0x70617065  # SQLite's application_id of these files
WAITS = 1.5  # seconds that a reader waits where the file is locked
PATIENCE = 60.0  # seconds that one who writes rows into the file waits for its readers
Write = Callable[[str, list[str], list[bytes]], None]


class SqliteFile:
    """The online features of one experiment. Reads on a connection for each thread, opened anew with each new file."""

    in_order = True  # a tree of keys is written fastest from first to last

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._opened = threading.local()

    @property
    def told(self) -> str:
        """What to do to begin anew."""
        return f"remove {self.path}"

    def online(self) -> Online:
        """What is online. Raises FeatureStoreUnavailable when the file does not answer."""
        if not self.path.exists():
            return Online()
        with _told(self.path), closing(_connect(self.path)) as con:
            return _held(con)

    def read(self, views: list[str], customers: list[str]) -> tuple[Online, list[Rows]]:
        """What is online, and each view's rows: all of one moment, by one statement. Raises FeatureStoreUnavailable."""
        with _told(self.path):
            opened = self._connection()
            if absent := [view for view in views if view not in opened.online.views]:
                raise FeatureStoreUnavailable(f"{self.path} holds nothing of {', '.join(absent)}; {REMEDY}")
            document, *held = opened.con.execute(_select(views, len(customers)), customers).fetchone()
        if document != opened.document:  # rows were written into this very file
            opened.document, opened.online = document, Online.of_text(document)
        return opened.online, [
            (data or b"", list(map(int, lengths.split(b","))))
            for data, lengths in zip(held[::2], held[1::2], strict=True)
        ]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time; another waits."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            yield

    @contextmanager
    def replacing(self, online: Online) -> Iterator[Write]:
        """Write the rows of all views of a snapshot, customer by customer in order: at the end they are what is online.
        Views that it does not have stay as they are. Call it while `locked`."""
        for left in self.path.parent.glob(f".{self.path.name}.*.tmp"):  # of writers that were killed
            left.unlink(missing_ok=True)
        before = self.online()
        with state.replacing(self.path) as temporary, closing(_connect(temporary, "rwc")) as con:
            con.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA application_id={OURS}")
            if before.views:
                con.execute("ATTACH ? AS held", [f"{_uri(self.path)}?mode=ro"])
            con.execute("BEGIN")
            for view in online.views:
                _create(con, view)
            yield lambda view, customers, rows: _insert(con, view, zip(customers, rows, strict=True))
            kept = {view: held for view, held in before.views.items() if view not in online.views}
            for view in kept:
                _create(con, view)
                con.execute(f"INSERT INTO main.{_named(view)} SELECT customer, row FROM held.{_named(view)}")
            _keep(con, Online(online.snapshot, online.content, kept | online.views))
            con.execute("COMMIT")
        self.path.with_name("online.txt").unlink(missing_ok=True)  # where earlier versions of this project kept it

    def put(self, view: str, columns: Columns, customers: list[str], rows: list[bytes]) -> None:
        """Write some rows of one view into the file that is online. What is online is no whole snapshot then."""
        with self.locked(), _told(self.path), closing(_connect(self.path, "rwc", PATIENCE)) as con:
            con.execute(f"PRAGMA application_id={OURS}")
            con.execute("BEGIN IMMEDIATE")
            held = _held(con)
            if held.views.get(view) != View(columns):
                con.execute(f"DROP TABLE IF EXISTS main.{_named(view)}")
                _create(con, view)
            _insert(con, view, zip(customers, rows, strict=True))
            _keep(con, Online(held.snapshot, "", held.views | {view: View(columns)}))
            con.execute("COMMIT")

    def drop(self, views: Iterable[str]) -> None:
        """Take views off."""
        held = self.online()
        if gone := [view for view in views if view in held.views]:
            with self.locked(), _told(self.path), closing(_connect(self.path, "rw", PATIENCE)) as con:
                con.execute("BEGIN IMMEDIATE")
                for view in gone:
                    con.execute(f"DROP TABLE main.{_named(view)}")
                _keep(con, Online(held.snapshot, "", {v: c for v, c in held.views.items() if v not in gone}))
                con.execute("COMMIT")

    def erase(self, customer: str, *, plan: bool = False) -> int:
        """Take one customer off every view; how many rows that was, or with `plan` would be."""
        rows = 0
        if not (views := self.online().views):
            return rows
        with self.locked(), _told(self.path), closing(_connect(self.path, "rw", PATIENCE)) as con:
            con.execute("PRAGMA secure_delete=ON")  # not only unseen, but gone from the file
            con.execute("BEGIN IMMEDIATE")
            for view in views:
                rows += con.execute(f"DELETE FROM main.{_named(view)} WHERE customer = ?", [customer]).rowcount
            con.execute("ROLLBACK" if plan else "COMMIT")
        return rows

    def remove(self) -> None:
        """Take everything off."""
        self.path.unlink(missing_ok=True)

    def _connection(self) -> _Opened:
        try:
            file = os.stat(self.path)
        except FileNotFoundError:
            raise FeatureStoreUnavailable(f"nothing is online: {self.path} is not there; {REMEDY}") from None
        identity = file.st_dev, file.st_ino
        opened = getattr(self._opened, "now", None)
        if opened is None or opened.identity != identity:
            opened = self._opened.now = _Opened(self.path, identity)
        return opened


class _Opened:
    """A thread's connection to one file, and what that file holds."""

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        self.con, self.identity = _connect(path), identity
        self.con.text_factory = bytes  # rows one after the other are no text
        self.online = _held(self.con)
        if not self.online.views:
            raise FeatureStoreUnavailable(f"{path} is of an earlier version of this project, or empty; {REMEDY}")
        [self.document] = self.con.execute("SELECT document FROM online").fetchone()


def _uri(path: Path) -> str:
    return f"file:{quote(str(path))}"


def _connect(path: Path, mode: str = "ro", timeout: float = WAITS) -> sqlite3.Connection:
    return sqlite3.connect(f"{_uri(path)}?mode={mode}", uri=True, timeout=timeout, isolation_level=None)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise FeatureStoreUnavailable(f"{path}: {error}") from error


def _held(con: sqlite3.Connection) -> Online:
    """What a file says of itself; nothing where it is none of ours."""
    if con.execute("PRAGMA application_id").fetchone()[0] != OURS:
        return Online()
    known = con.execute("SELECT 1 FROM sqlite_master WHERE name = 'online'").fetchone()
    held = con.execute("SELECT document FROM online").fetchone() if known else None
    return Online.of_text(held[0]) if held else Online()


def _keep(con: sqlite3.Connection, online: Online) -> None:
    con.execute("CREATE TABLE IF NOT EXISTS main.online (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT)")
    con.execute("INSERT OR REPLACE INTO main.online VALUES (1, ?)", [online.text()])


def _named(view: str) -> str:
    return '"' + f"view {view}".replace('"', '""') + '"'


def _create(con: sqlite3.Connection, view: str) -> None:
    con.execute(f"CREATE TABLE main.{_named(view)} (customer TEXT PRIMARY KEY, row BLOB) WITHOUT ROWID")


def _insert(con: sqlite3.Connection, view: str, rows: Iterable[tuple[str, bytes]]) -> None:
    con.executemany(f"INSERT OR REPLACE INTO main.{_named(view)} VALUES (?, ?)", rows)


def _select(views: list[str], customers: int) -> str:
    """All rows put together by SQLite: for each row that it hands over, Python lets another thread in before it."""
    columns = ", ".join(
        f"group_concat(CAST(v{n}.row AS TEXT), ''), group_concat(ifnull(length(v{n}.row), 0))"
        for n in range(len(views))
    )
    tables = " ".join(f"LEFT JOIN {_named(view)} v{n} ON v{n}.customer = asked.column1" for n, view in enumerate(views))
    asked = ", ".join(["(?)"] * customers)
    return f"SELECT (SELECT document FROM online), {columns} FROM (VALUES {asked}) asked {tables}"
