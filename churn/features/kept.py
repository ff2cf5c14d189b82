"""Feature tables of earlier runs: a snapshot's are made again only where its features, or what was known before it, are
not those of then. So a month later the new snapshots alone are computed, and those that late rows touch.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import duckdb
import ibis
from ibis.expr.types import Column, Table

from churn import engine, fingerprint, profile, state
from churn.features.definitions import from_events
from churn.fingerprint import FingerprintSum
from churn.sources.contract import Source, known_at
from churn.sources.snapshots import moment

FOLDER, CONTENT = "snapshots", "kept.json"


@dataclass(frozen=True)
class Kept:
    """What an experiment has kept, and by what it is known whether that still holds.

    `definition` is a digest of the features, `known` snapshot -> what was known before it, `log` a digest of which log.
    """

    experiment: str
    definition: str
    known: dict[str, dict]
    log: str

    def take(self, snapshot: str, target: Path) -> dict | None:
        """Put a snapshot's tables into `target` and give what is known of them; None where they have to be made."""
        kept, place = self._content(snapshot), self._place(snapshot)
        if kept is None or [kept["definition"], kept["known"]] != [self.definition, self.known[snapshot]]:
            return None
        files = {view: place / f"{view}.parquet" for view in kept["views"]}
        if not all(file.exists() for file in files.values()) or any(
            fingerprint.of_parquet(file) != kept["views"][view]["fingerprint"] for view, file in files.items()
        ):
            return None
        _link(files.values(), target)
        return {"views": kept["views"], "fingerprint": kept["fingerprint"]}

    def keep(self, snapshot: str, made: Path, written: dict) -> None:
        """Keep a snapshot's tables, which were made into a folder."""
        content = written | {"definition": self.definition, "known": self.known[snapshot], "log": self.log}
        with state.replacing(self._place(snapshot)) as temporary:
            _link(sorted(made.glob("*.parquet")), temporary)
            state.write_json(temporary / CONTENT, content)

    def forget(self, *, before: str) -> None:
        """Forget what no later month needs: snapshots of other features or of another past, and those `before` the
        first."""
        for snapshot in _kept_of(self.experiment):
            kept, known = self._content(snapshot), self.known.get(snapshot)
            same = kept and kept["definition"] == self.definition and known in (None, kept["known"])
            if not same or snapshot < before:
                shutil.rmtree(self._place(snapshot))

    def late(self) -> list[str]:
        """What came, or went, late: rows known before a snapshot that were not there when its tables were made."""
        changed = {}
        for snapshot, now in self.known.items():
            kept = self._content(snapshot)
            if kept and kept["log"] == self.log and kept["known"] != now:
                changed[snapshot] = now["events"] - kept["known"]["events"]
        if not changed:
            return []
        last, count = max(changed), changed[max(changed)]
        rows = f"{abs(count):,} {'more' if count > 0 else 'fewer'} events" if count else "other events or customers"
        return [
            f"late rows: before {last} there are {rows} than when its features were made; those of {len(changed)} "
            f"snapshots, from {min(changed)} on, are computed anew"
        ]

    def _content(self, snapshot: str) -> dict | None:
        try:
            return json.loads((self._place(snapshot) / CONTENT).read_text())
        except (OSError, ValueError):
            return None

    def _place(self, snapshot: str) -> Path:
        return state.path(self.experiment, FOLDER, snapshot)


def of(experiment: str, source: Source, snapshots: list[str], *, settings: dict, data: dict) -> Kept:
    """What is kept of an experiment's features of a log. `settings` are those of the definitions, `data` the section of
    the params file."""
    features = [feature.entry() for feature in from_events.described(**settings)]
    if pace := settings.get("pace"):  # why a feature is not there names the first snapshot, which moves
        settings = settings | {"pace": replace(pace, no_season="")}
    versions = [profile.engine(), duckdb.__version__, ibis.__version__]
    definition = fingerprint.of_values([features, settings, versions, _code(from_events)])
    log = fingerprint.of_values([which_log(data), profile.current()])  # each engine has hashes of its own
    compared = {*snapshots, *(t for t in _kept_of(experiment) if t <= max(snapshots))}
    return Kept(experiment, definition, known_before(source, sorted(compared)), log)


def which_log(data: dict) -> str:
    """A digest of which log a data section describes, wherever its files lie, which may change from month to month."""
    return fingerprint.of_values(_without_paths(data))


def known_before(source: Source, snapshots: list[str]) -> dict[str, dict]:
    """Snapshot -> what was known before it: how many events, and a fingerprint of these and of the customers who had
    signed up. The log is read once, however many snapshots there are; these ascend."""
    events = source.events.select("customer_id", "at", "kind", "value", churn_known=known_at(source.events))
    customers = source.customers.mutate(churn_known=source.customers.signup_at)
    of_events, of_customers = (_sums(table, table.churn_known, snapshots) for table in (events, customers))
    return {t: {"events": of_events[t].rows, "print": f"{of_events[t]} {of_customers[t]}"} for t in of_events}


def _kept_of(experiment: str) -> list[str]:
    return [place.name for place in state.path(experiment, FOLDER).glob("[!.]*")]


def _sums(rows: Table, known: Column, snapshots: list[str]) -> dict[str, FingerprintSum]:
    """The fingerprint of the rows that were known before each snapshot."""
    first = ibis.cases(*((known < moment(t), number) for number, t in enumerate(snapshots)), else_=len(snapshots))
    columns = {name: rows[name] for name in sorted(rows.columns) if name != known.get_name()}
    hashed = rows.select(first=first, hash=engine.hashed(columns))
    exact = hashed.hash.cast("decimal(20, 0)")  # a sum of whole numbers would come as floats
    portions = hashed.group_by("first").agg(rows=hashed.count(), total=exact.sum(), mixed=engine.bit_xor(hashed.hash))
    by_first, found, total = portions.execute().set_index("first"), {}, FingerprintSum()
    for number, t in enumerate(snapshots):
        if number in by_first.index:
            portion = by_first.loc[number]
            total = total.with_portion(int(portion.rows), int(portion.total), int(portion.mixed))
        found[t] = total
    return found


def _code(module: ModuleType) -> str:
    """A digest of the code that defines features: of a module and of all of this package that it uses."""
    used, todo = {}, [module.__name__]
    while todo:
        if (name := todo.pop()) not in used:
            used[name] = Path(sys.modules[name].__file__).read_text(encoding="utf-8")
            held = vars(sys.modules[name]).values()
            names = [v.__name__ if isinstance(v, ModuleType) else getattr(v, "__module__", None) or "" for v in held]
            todo += [name for name in names if name.startswith("churn.")]
    return fingerprint.of_values(used)


def _without_paths(section: object) -> object:
    if isinstance(section, dict):
        return {key: _without_paths(value) for key, value in section.items() if key != "path"}
    return [_without_paths(part) for part in section] if isinstance(section, list) else section


def _link(files, target: Path) -> None:
    with state.replacing(target) as temporary:
        temporary.mkdir(exist_ok=True)
        for file in files:
            state.link(file, temporary / file.name)
