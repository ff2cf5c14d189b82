"""A replay from its parameters to its lives: what holds still from earlier, and what is lived, several at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import wait
from pathlib import Path

import filelock
import psutil

from churn import engine, fingerprint, state
from churn.errors import ChurnError, InvalidParams
from churn.features import kept
from churn.pipeline import cache_key, launch, plan, stage_parameters
from churn.replay import dates, record
from churn.replay.dates import Span
from churn.replay.policies import Policy
from churn.replay.record import Life
from churn.replay.shared import Shared
from churn.sources import inputs, locate

MEMORY = 1.5e9  # bytes that a process may take, by which it is known how many there are at a time
LOADED = ["churn.replay.life", "churn.reports.plots.style", "churn.audit.row_hashes", "mlflow.sklearn", "skops.io"]
OWN = ("life.py", "shared.py")  # what else the result of a month depends on, beside the stages
LOOKS = 0.3  # seconds between two looks at what has been lived


@contextmanager
def only_one(experiment: str) -> Iterator[None]:
    """Hold the replay of an experiment against any other. Raises ChurnError."""
    home = record.home(experiment)
    home.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(home / "replay.lock", timeout=0):
            yield
    except filelock.Timeout:
        raise ChurnError(f"another replay of {experiment} is under way; wait for it, or end it") from None


def span_of(policy: Policy) -> Span:
    """The days of the log. Raises InvalidParams for ready-made tables, which have no past but their snapshots."""
    if policy.params.data.source == "tables":
        raise InvalidParams("data.source: tables holds the features of some dates; a replay needs an event log")
    data = stage_parameters.input_of(policy.params)
    return Span(*inputs.span(engine.embedded(), data))


def live(
    policies: list[Policy], span: Span, days: list[date], *, tell: Callable[[str], None], at_once: int | None = None
) -> list[Life]:
    """Live what is not lived yet; what was lived of the same log, parameters and code stays. Raises ChurnError."""
    experiment = policies[0].params.experiment
    policies = [Policy(p.text, launch.with_formats(p.params)) for p in policies]
    seen = _seen(policies[0])
    shared = _shared(experiment, seen)
    lives = [_life(policy, seen, days) for policy in policies]
    todo = [(life, policy) for life, policy in zip(lives, policies, strict=True) if len(life.months) < len(days)]
    if todo:
        _stage_log(policies[0])
        _live(todo, span, days, shared, tell, at_once or _at_once(len(todo) + 1))
    found = record.lives(experiment, [policy.text for policy in policies])
    return [Life(one.policy, one.params, one.folder, one.months[: len(days)]) for one in found]


def _live(
    todo: list[tuple[Life, Policy]], span: Span, days: list[date], shared: Shared, tell: Callable, at_once: int
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    progress = _Progress([life for life, _ in todo], days, tell)
    with ProcessPoolExecutor(at_once, context, initializer=_with_the_parent) as pool:
        ahead = [pool.submit(_ahead, [p for _, p in todo], span, days, shared)] if at_once > 1 else []
        under_way = [pool.submit(_one, life, policy, span, days, shared) for life, policy in todo]
        try:
            progress.follow(under_way)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(pool._processes.values()):
                process.terminate()
            raise
        del ahead  # where it failed, the life that needed it has failed or told why


class _Progress:
    """Tells each month as it is lived."""

    def __init__(self, lives: list[Life], days: list[date], tell: Callable[[str], None]) -> None:
        self._lives, self._tell = lives, tell
        self._count, self._all, self._told = 0, len(lives) * len(days), set()
        for life in lives:
            self._told |= {(life.policy, month.as_of) for month in life.months}
        if self._told:
            tell(f"{len(self._told)} of {self._all} months were lived already")
        self._count = len(self._told)

    def follow(self, under_way: list[Future]) -> None:
        """Until all are done. Raises what the first that failed has raised."""
        while True:
            self._look()
            for one in under_way:
                if one.done():
                    _outcome(one)
            if all(one.done() for one in under_way):
                return self._look()
            time.sleep(LOOKS)

    def _look(self) -> None:
        for life in self._lives:
            for month in record.read(life.folder / "life.json").months:
                if (life.policy, month.as_of) not in self._told:
                    self._told.add((life.policy, month.as_of))
                    self._count += 1
                    said = month.said or month.why
                    self._tell(f"[{self._count}/{self._all}] {month.as_of} {life.policy}: {said}")


def _outcome(one: Future) -> None:
    """Raises what a life has raised; ChurnError where its process was ended from outside."""
    try:
        one.result()
    except BrokenProcessPool:
        raise ChurnError(
            "a process that lived a policy was ended from outside, perhaps for want of memory; what was lived is kept, "
            "and the same command goes on from there"
        ) from None


def _one(life: Life, policy: Policy, span: Span, days: list[date], shared: Shared) -> None:
    from churn.replay import life as one

    one.live(life, policy.params, span, days, shared)


def _ahead(policies: list[Policy], span: Span, days: list[date], shared: Shared) -> None:
    """Make what is needed for certain before a life asks for it: the features of each date, and the trainings of those
    who train every month."""
    for day in days:
        for policy in policies:
            params = dates.at(policy.params, span, day)
            try:
                (shared.training if policy.params.retrain.when == "always" else shared.features)(params)
            except ChurnError:
                continue  # the life that needs it meets the same


def _with_the_parent() -> None:
    """What a process that lives needs: no display, and an end when the command is gone, even killed."""
    os.environ["MPLBACKEND"] = "agg"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the command ends what it has begun
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def _at_once(most: int) -> int:
    free = int(psutil.virtual_memory().available // MEMORY)
    return max(1, min(most, len(os.sched_getaffinity(0)), free))


def _seen(policy: Policy) -> str:
    """A digest of what all lives depend on: the code of the stages, the libraries, the log's files."""
    files = locate.files_of(stage_parameters.input_of(policy.params)).values()
    code = {stage: cache_key.code_of(stage) for stage in plan.STAGES}
    own = {name: cache_key.content(Path(__file__).with_name(name)) for name in OWN}
    log = sorted((str(file), state.file_stat(file)) for file in files)
    return fingerprint.of_values([code, own, cache_key.content(cache_key.LOCK), log])


def _shared(experiment: str, seen: str) -> Shared:
    """What is shared; emptied where it was made of another log, or by other code."""
    home = record.home(experiment) / "shared"
    if not _holds(home / "seen.json", seen):
        shutil.rmtree(home, ignore_errors=True)
        state.write_json(home / "seen.json", seen)
    return Shared(home, kept=state.path(experiment, kept.FOLDER))


def _holds(file: Path, value: object) -> bool:
    return file.exists() and json.loads(file.read_text()) == value


def _life(policy: Policy, seen: str, days: list[date]) -> Life:
    """A policy's life so far; begun anew where the log, the parameters or the code are not those of then, or where it
    began on another day or took other steps."""
    folder = record.home(policy.params.experiment) / "lives" / policy.folder
    told = {"policy": policy.text, "params": policy.params.model_dump(mode="json"), "seen": seen}
    file, asked = folder / "life.json", [str(day) for day in days]
    life = record.read(file) if _holds(file, told) else None
    lived = [month.as_of for month in life.months] if life else []
    if life is None or lived[: len(asked)] != asked[: len(lived)]:
        shutil.rmtree(folder, ignore_errors=True)
        state.write_json(file, told)
    return record.read(file)


def _stage_log(policy: Policy) -> None:
    """Read the whole log once more, by which it is judged what came true."""
    home = record.home(policy.params.experiment)
    with state.replacing(home / "log") as temporary:
        source = inputs.read(engine.embedded(), stage_parameters.input_of(policy.params), temporary)
    told = {"segments": list(source.segments), "source": source.counts, "staged": str(home / "log")}
    state.write_json(home / "log.json", told)
