"""Every disagreement between stages, alias, history and artifacts, explained; and the mending of it."""

from __future__ import annotations

from dataclasses import dataclass

from churn.errors import ModelUnavailable, RegistryError
from churn.registry import decisions, history, tracking, versions


@dataclass(frozen=True)
class Finding:
    """What is wrong, what it means, and what mends it. `mended_by_repair` is false where a person has to choose."""

    problem: str
    meaning: str
    remedy: str
    mended_by_repair: bool = True


def examine(experiment: str) -> list[Finding]:
    """Every disagreement; an empty list for a registry in order."""
    with versions.locked(experiment):
        by_number = {v.version: v for v in versions.all_of(experiment)}
        return [
            *_deleted_experiments(experiment),
            *_open_decisions(experiment),
            *_stages_and_alias(experiment, by_number),
            *_history(experiment, by_number),
            *_artifacts(experiment, by_number),
        ]


def repair(experiment: str) -> list[str]:
    """Finish open decisions, then make stages and alias agree with the history. Returns what was done.

    Raises RegistryError where the history names a version that is gone, for that needs a person's choice, and
    ExperimentDeleted.
    """
    tracking.refuse_deleted(experiment, history.experiment_of(experiment))  # there a history would be empty
    with versions.locked(experiment):
        done = [f"finished the decision of run {run}" for run in decisions.finish_open(experiment)]
        truth = _truth(experiment)
        if truth is None:
            return done
        if truth not in {v.version for v in versions.all_of(experiment)}:
            raise RegistryError(
                f"version {truth} should be in production, but is gone; `churn rollback --to N` to another"
            )
        if _stages_and_alias(experiment, {v.version: v for v in versions.all_of(experiment)}) or _moved(experiment):
            versions.put_into_production(experiment, truth)
            done.append(f"put version {truth} into production, as the history says")
        return done


def _deleted_experiments(experiment: str) -> list[Finding]:
    return [
        Finding(f"the experiment {name} was deleted in MLflow", "no run of it can be made, and none is read",
                command, mended_by_repair=False)
        for name, command in tracking.deleted(experiment, history.experiment_of(experiment)).items()
    ]  # fmt: skip


def _open_decisions(experiment: str) -> list[Finding]:
    return [
        Finding(f"decision {run['id']} was begun and not ended", "its process died, or lost the registry, half-way",
                "churn doctor --repair, or any further decision, finishes it")
        for run in history.unfinished(experiment)
    ]  # fmt: skip


def _stages_and_alias(experiment: str, by_number: dict[int, versions.Version]) -> list[Finding]:
    staged = sorted(n for n, v in by_number.items() if v.stage == "Production")
    alias = versions.production(experiment)
    named = [alias.version] if alias else []
    if staged == named:
        return []
    return [Finding(
        f"the stage Production is on {staged or 'no version'}, the alias on {named or 'none'}",
        "somebody moved one without the other, outside of this tool; serving follows the alias",
        "churn doctor --repair puts back what the history says")]  # fmt: skip


def _history(experiment: str, by_number: dict[int, versions.Version]) -> list[Finding]:
    truth = _truth(experiment)
    if truth is not None and truth not in by_number:
        return [Finding(f"version {truth}, which should be in production, is gone", "it was deleted from the registry",
                        "churn rollback --to N --reason ...", mended_by_repair=False)]  # fmt: skip
    if _moved(experiment):
        alias = versions.production(experiment)
        return [Finding(
            f"the history ends with version {truth} in production, the alias says {alias.version if alias else 'none'}",
            "the alias was moved outside of this tool, without a decision",
            "churn doctor --repair, or decide anew with churn rollback or approve")]  # fmt: skip
    return []


def _artifacts(experiment: str, by_number: dict[int, versions.Version]) -> list[Finding]:
    findings, current = [], versions.production(experiment)
    for version in by_number.values():
        try:
            versions.verified_files(version)
        except ModelUnavailable as error:
            meaning = "its files were changed or removed after registration: it must not serve"
            serving = current is not None and current.version == version.version
            remedy = (
                f"restore the files; or {versions.way_out(version)}" if serving else "restore the files, or let it be"
            )
            findings.append(Finding(str(error), meaning, remedy, mended_by_repair=False))
    return findings


def _truth(experiment: str) -> int | None:
    lineage = history.production_lineage(history.decisions(experiment))
    return lineage[-1] if lineage else None


def _moved(experiment: str) -> bool:
    truth, alias = _truth(experiment), versions.production(experiment)
    return truth is not None and (alias is None or alias.version != truth)
