"""Run a registered version again, from what its run recorded, and compare the two stage by stage."""

from __future__ import annotations

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
    """What is run again, on which parameters, against which champion; `commit`: at which, None for the code as it is;
    `before`: what differs already."""

    version: versions.Version
    params: dict
    champion: versions.Version | None
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
    with second_run.folder(keep=keep) as place:
        try:
            _run(plan, place, tell)
        except CannotReproduce:
            _log(plan, "did not finish")
            raise
        made = _compared(plan.version, recorded, place)
    kept = str(place) if keep else None
    return made | {"before": plan.before, "scratch": kept, "reproduced": _log(plan, made["result"])}


def _plan(found: versions.Version, *, anyway: bool, at_commit: bool) -> Plan:
    """Raises CannotReproduce where something differs before it starts, unless one goes on anyway."""
    params, champion = _parameters(found), _champion_of_that_time(found)
    before = _obstacles(found, champion, at_commit=at_commit)
    if before and not anyway:
        other = "" if at_commit else "take --at-commit for the code of that time, or "
        raise CannotReproduce(
            f"{found.name} version {found.version} would not be run by the same means: {'; '.join(before)}; "
            f"{other}go on with --anyway"
        )
    return Plan(found, params, champion, _tags(found).get("mlflow.source.git.commit") if at_commit else None, before)


def _run(plan: Plan, place: Path, tell: Callable[[str], None]) -> None:
    if plan.champion:
        second_run.seat(plan.champion, place)
    with second_run.code_at(plan.commit, place) as code:
        second_run.run(plan.params, place, code, tell=tell)


def _compared(found: versions.Version, recorded: dict[str, comparison.Fact | None], place: Path) -> dict:
    with second_run.state_of(place):
        second = versions.versions(found.name)[-1]
        rows = comparison.compare(recorded, comparison.read(second))
    first = next((row for row in rows if row.equal is False), None)
    return {
        "experiment": found.name,
        "version": found.version,
        "identical": first is None,
        "result": _result(rows, first),
        "rows": [{"what": row.what, "recorded": row.recorded and row.recorded.shown,
                  "again": row.again and row.again.shown, "equal": row.equal} for row in rows],
        "first": _difference(first, found, second, place) if first else None,
    }  # fmt: skip


def _result(rows: list[comparison.Compared], first: comparison.Compared | None) -> str:
    if first:
        return f"differs, first in {first.what}"
    unknown = sum(row.equal is None for row in rows)
    return f"identical in what was recorded ({unknown} of {len(rows)} were not)" if unknown else "identical"


def _difference(row: comparison.Compared, found: versions.Version, second: versions.Version, place: Path) -> dict:
    """The first part that differs, and where there is a table of rows, which rows."""
    ours, theirs = row.recorded.parts, row.again.parts if row.again else {}
    part = next(name for name in ours | theirs if ours.get(name) != theirs.get(name))
    told = {"what": row.what, "part": part, "recorded": ours.get(part), "again": theirs.get(part)}
    return told | {"rows": _rows(row.recorded.table, found, second, place)}


def _rows(table: tuple[str, str] | None, found: versions.Version, second: versions.Version, place: Path) -> dict | None:
    if table is None:
        return None
    context, name = table
    recorded, hashes = (row_hashes.load(found.run_id, context) or {}).get(name), row_hashes.hashes(found.run_id, *table)
    with second_run.state_of(place):
        again = (row_hashes.load(second.run_id, context) or {}).get(name)
    if not recorded or not again or recorded["fingerprint"] == again["fingerprint"]:
        return None
    return {"table": name} | asdict(row_hashes.changes(recorded, hashes, again))


def _parameters(found: versions.Version) -> dict:
    """The params file that the run kept, the input's paths absolute. Raises CannotReproduce."""
    params = runs.document(found.run_id, "params.yaml")
    if params is None:
        raise CannotReproduce(
            f"{found.name} version {found.version} was not made by run_pipeline.py: its run keeps no params.yaml"
        )
    data = runs.document(found.run_id, "input.json") or locate.absolute_paths(params["data"])
    return params | {"data": data}


def _obstacles(found: versions.Version, champion: versions.Version | None, *, at_commit: bool) -> list[str]:
    """What differs before anything runs, so that a difference in the result would prove nothing."""
    tags = _tags(found)
    told = provenance.unrestorable(tags) + ([] if at_commit else provenance.other_code(tags))
    told += provenance.other_environment(runs.document(found.run_id, "environment.json") or {})
    number = _champion_number(found)
    if number and not champion:
        told.append(f"version {number}, the champion of that time, is gone or was changed: no rule can compare with it")
    return told


def _champion_number(found: versions.Version) -> int | None:
    return (runs.document(found.run_id, "evaluation.json") or {}).get("champion")


def _champion_of_that_time(found: versions.Version) -> versions.Version | None:
    """The version that the gate compared with; None where there was none, or its files are gone."""
    try:
        number = _champion_number(found)
        champion = versions.get(found.name, number) if number else None
        if champion:
            versions.verified_files(champion)
        return champion
    except (RegistryError, ModelUnavailable):
        return None


def _tags(found: versions.Version) -> dict[str, str]:
    return runs.get(found.run_id)["tags"]


def _log(plan: Plan, result: str) -> dict[str, str]:
    """Write on the version when, where, with which code and with what result it was run again."""
    now = provenance.tags()
    here = now["mlflow.source.git.commit"][:12] + ("" if now["code.clean"] == "true" else " with local changes")
    told = {
        "at": f"{datetime.now(UTC):%FT%TZ}",
        "host": socket.gethostname(),
        "commit": plan.commit[:12] if plan.commit else here,
        "result": result + (f", although {'; '.join(plan.before)}" if plan.before else ""),
    }
    tags = {f"{why.REPRODUCED}{name}": value for name, value in told.items()}
    versions.tag(plan.version.name, plan.version.version, tags)
    return told
