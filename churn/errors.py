"""Every failure that a person can act on. The message states the rule, the value found and the remedy, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def first_line(error: BaseException) -> str:
    """The first line of what an error says; its name where it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


class ChurnError(Exception):
    """A failure with a message for people; the command line prints it, no traceback, and exits with `exit_code`."""

    exit_code = 1


class UserError(ChurnError):
    """What was given is wrong: parameters, flags or input data."""

    exit_code = 2


class InvalidParams(UserError):
    """A params file or a --set that breaks the schema; the message has one line a fault."""


class InvalidData(UserError):
    """Input data that cannot be used: missing, unreadable, inconsistent or leaking."""


class ExperimentDeleted(UserError):
    """MLflow's experiment of a run, or of its decisions, was deleted by hand; the message holds what restores it."""

    @classmethod
    def of(cls, restored_by: dict[str, str]) -> ExperimentDeleted:
        """`restored_by`: an experiment's name -> the command that brings it back."""
        named, were = " and ".join(restored_by), "was" if len(restored_by) == 1 else "were"
        commands = " && ".join(restored_by.values())
        return cls(
            f"{named} {were} deleted in MLflow, whose deleted experiments take no run; bring back what is there with "
            f"`{commands}`, or name another experiment"
        )


class StageFailed(ChurnError):
    """A notebook stopped; the message names the stage, the error, the section, the cell and the notebook."""

    def __init__(self, *, stage: str, why: str, section: str, cell: int | None, notebook: str) -> None:
        super().__init__(f"{stage}: {why}\n  section   {section}\n  cell      [{cell or '-'}]\n  notebook  {notebook}")
        self.details = {"stage": stage, "error": why, "section": section, "cell": cell, "notebook": notebook}


class RegistryError(ChurnError):
    """The model registry refuses or cannot be reached."""


class RegistryBusy(RegistryError):
    """Another process has held the registry's lock for too long; the message names it."""


class ModelUnavailable(ChurnError):
    """There is no model to serve or to score with: none in Production, or one that fails verification."""


class ChampionUnavailable(RegistryError):
    """The version in production cannot be loaded, so that nothing compares with it; the message has a way out."""


class FeatureStoreUnavailable(ChurnError):
    """The feature store cannot be reached or holds no such feature service."""


class CannotReproduce(ChurnError):
    """A version cannot be run again, or not so that the results could be compared; the message says why."""


def named(name: str) -> type[Exception]:
    """The class of an error that comes as text from another process; RuntimeError for one that is not ours."""
    error = globals().get(name)
    ours = isinstance(error, type) and issubclass(error, ChurnError) and error is not StageFailed
    return error if ours else RuntimeError


@contextmanager
def noted_below(first: BaseException | None) -> Iterator[None]:
    """What fails inside is a note below the error that has ended the run, if there is one: that stays the first."""
    try:
        yield
    except Exception as error:
        if first is None:
            raise
        first.add_note(f"  and then  {type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
