"""Run a registered version again, from what its run recorded, and compare the two stage by stage."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from churn.audit import comparison, row_hashes, second_run, why
from churn.errors import CannotReproduce, ModelUnavailable, RegistryError
from churn.registry import provenance, runs, versions
from churn.sources import locate


@dataclass(frozen=True)
class Plan:
    """What is run again, on which parameters, against which champion and which versions before it, oldest first.

    `commit`: at which, None for the code as it is; `before`: what differs already.
    """

    version: versions.Version
    params: dict
    champion: versions.Version | None
    earlier: list[versions.Version]
    commit: str | None
    before: list[str]


def reproduce(
    experiment: str,
    version: int | None = None,
    *,
    anyway: bool = False,
    at_commit: bool = False,
    keep: bool = False,
    tell: Callable[[str], None],
) -> dict:
    """Run a version (None: the one in production) again and compare; the outcome is logged on the version.

    `anyway` goes on where code or environment differ, `at_commit` takes a clean worktree of the recorded commit,
    `keep` leaves the second run's state in place. Raises CannotReproduce, ModelUnavailable or RegistryError.
    """
    plan = _plan(why.find(experiment, version), anyway=anyway, at_commit=at_commit)
    recorded = comparison.read(plan.version)
    for line in plan.before:
        tell(f"differs before it starts: {line}")
    tell(f"{experiment} version {plan.version.version} again, in a state of its own")
    with second_run.temporary_folder(keep=keep) as folder:
        try:
            _run(plan, folder, tell)
        except CannotReproduce:
            _log(plan, "did not finish")
            raise
        outcome = _compared(plan, recorded, folder)
    kept = str(folder) if keep else None
    return outcome | {"before": plan.before, "scratch": kept, "reproduced": _log(plan, outcome["result"])}


def _plan(version: versions.Version, *, anyway: bool, at_commit: bool) -> Plan:
    """Raises CannotReproduce where something differs before it starts, unless one goes on anyway."""
    params, champion = _parameters(version), _champion_of_that_time(version)
    before = _obstacles(version, champion, at_commit=at_commit)
    if before and not anyway:
        other = "" if at_commit else "take --at-commit for the code of that time, or "
        raise CannotReproduce(
            f"{version.name} version {version.version} would not be run by the same means: {'; '.join(before)}; "
            f"{other}go on with --anyway"
        )
    commit = _tags(version).get("mlflow.source.git.commit") if at_commit else None
    return Plan(version, params, champion, _earlier_of_that_time(version), commit, before)


def _run(plan: Plan, folder: Path, tell: Callable[[str], None]) -> None:
    if plan.champion:
        second_run.install([*plan.earlier, plan.champion], folder)
    with second_run.code_at(plan.commit, folder) as code:
        second_run.run(plan.params, folder, code, tell=tell)


def _compared(plan: Plan, recorded: dict[str, comparison.Fact | None], folder: Path) -> dict:
    version = plan.version
    with second_run.state_of(folder):
        again = versions.all_of(version.name)[-1]
        rows = comparison.compare(recorded, comparison.read(again))
    first = next((row for row in rows if row.equal is False), None)
    database = {"database": _database(rows)} if plan.params["data"]["source"] == "database" else {}
    return database | {
        "experiment": version.name,
        "version": version.version,
        "identical": first is None,
        "result": _result(rows, first),
        "rows": [{"what": row.what, "recorded": row.recorded and row.recorded.shown,
                  "again": row.again and row.again.shown, "equal": row.equal} for row in rows],
        "first": _difference(first, version, again, folder) if first else None,
    }  # fmt: skip


def _result(rows: list[comparison.Compared], first: comparison.Compared | None) -> str:
    if first:
        return f"differs, first in {first.what}"
    unknown = sum(row.equal is None for row in rows)
    return f"identical in what was recorded ({unknown} of {len(rows)} were not)" if unknown else "identical"


def _database(rows: list[comparison.Compared]) -> str:
    """Whether a database, of which a run keeps no rows, has given the same ones again."""
    of_input = [row for row in rows if row.what.startswith("input: ") and row.equal is False]
    if not of_input:
        return "the database gave the same rows as then"
    now = {row.what: row.again.shown if row.again else "none" for row in of_input}
    shown = "; ".join(f"{row.what} {row.recorded.shown} then, {now[row.what]} now" for row in of_input)
    return f"the database gave other rows than then: {shown}"


def _difference(row: comparison.Compared, version: versions.Version, again: versions.Version, folder: Path) -> dict:
    """The first part that differs, and where there is a table of rows, which rows."""
    ours, theirs = row.recorded.parts, row.again.parts if row.again else {}
    part = next(name for name in ours | theirs if ours.get(name) != theirs.get(name))
    rows = _rows(row.recorded.table, version, again, folder) if row.recorded.table else None
    return {"what": row.what, "part": part, "recorded": ours.get(part), "again": theirs.get(part), "rows": rows}


def _rows(table: tuple[str, str], version: versions.Version, again: versions.Version, folder: Path) -> dict | None:
    context, name = table
    recorded = row_hashes.tables(version.run_id, context).get(name)
    with second_run.state_of(folder):
        now = row_hashes.tables(again.run_id, context).get(name)
    if not recorded or not now or recorded["fingerprint"] == now["fingerprint"]:
        return None
    hashes = row_hashes.hashes(version.run_id, context, name)
    return {"table": name} | asdict(row_hashes.changes(recorded, hashes, now))


def _parameters(version: versions.Version) -> dict:
    """The params file that the run kept, the input's paths absolute. Raises CannotReproduce."""
    params = runs.document(version.run_id, "params.yaml")
    if params is None:
        raise CannotReproduce(
            f"{version.name} version {version.version} was not made by run_pipeline.py: its run keeps no params.yaml"
        )
    data = runs.document(version.run_id, "input.json") or locate.absolute_paths(params["data"])
    return params | {"data": data}


def _obstacles(version: versions.Version, champion: versions.Version | None, *, at_commit: bool) -> list[str]:
    """What differs before anything runs, so that a difference in the result would prove nothing."""
    tags = _tags(version)
    code = provenance.unrestorable(tags) + ([] if at_commit else provenance.other_code(tags))
    environment = provenance.other_environment(runs.document(version.run_id, "environment.json") or {})
    number = _champion_number(version)
    gone = f"version {number}, the champion of that time, is gone or was changed: no rule can compare with it"
    return code + environment + ([gone] if number and not champion else [])


def _champion_number(version: versions.Version) -> int | None:
    return (runs.document(version.run_id, "evaluation.json") or {}).get("champion")


def _champion_of_that_time(version: versions.Version) -> versions.Version | None:
    """The version that the gate compared with; None where there was none, or its files are gone."""
    try:
        number = _champion_number(version)
        champion = versions.get(version.name, number) if number else None
        if champion:
            versions.verified_files(champion)
        return champion
    except (RegistryError, ModelUnavailable):
        return None


def _earlier_of_that_time(version: versions.Version) -> list[versions.Version]:
    """The versions before the champion that the evaluation looked at, oldest first, but for those that are lost."""
    document = runs.document(version.run_id, "evaluation.json") or {}
    found = []
    for number in [one["version"] for one in reversed(document.get("earlier", []))]:
        with contextlib.suppress(RegistryError, ModelUnavailable):
            one = versions.get(version.name, number)
            versions.verified_files(one)
            found.append(one)
    return found


def _tags(version: versions.Version) -> dict[str, str]:
    return runs.get(version.run_id)["tags"]


def _log(plan: Plan, result: str) -> dict[str, str]:
    """Write on the version when, where, with which code and with what result it was run again."""
    now = provenance.tags()
    here = now["mlflow.source.git.commit"][:12] + ("" if now["code.clean"] == "true" else " with local changes")
    log = {
        "at": f"{datetime.now(UTC):%FT%TZ}",
        "host": socket.gethostname(),
        "commit": plan.commit[:12] if plan.commit else here,
        "result": result + (f", although {'; '.join(plan.before)}" if plan.before else ""),
    }
    tags = {f"{why.REPRODUCED}{name}": value for name, value in log.items()}
    versions.tag(plan.version.name, plan.version.version, tags)
    return log
