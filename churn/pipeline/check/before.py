"""Everything that can be known before a run, looked at in the order in which the run would stop at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from churn import state
from churn.log import kept, silence
from churn.params.schema import Params
from churn.params.snapshots import Snapshots
from churn.pipeline import launch, stage_parameters
from churn.pipeline.check import needs, stores, training
from churn.pipeline.check.found import Found
from churn.pipeline.check.log import all_closed, of_log
from churn.pipeline.check.training import AtSnapshots
from churn.sources import locate
from churn.sources.contract import Source


@dataclass
class Checked:
    """What was found: the table; who counts and leaves at each snapshot, by these parameters and by those of the file;
    the silences of the log."""

    found: Found
    at: list[AtSnapshots] = field(default_factory=list)
    silences: pd.DataFrame | None = None


def check(
    params: Params, found: Found, *, as_of: date | None, file: Params | None, tell: Callable[[str], None]
) -> Checked:
    """Look at everything, on top of what was `found`. `file`: what the params file says by itself, where that is
    something else. Nothing is written but `log/` of the experiment."""
    checked = Checked(found)
    with_dates = _of_launch(params, found, as_of)
    source = listed = None
    if with_dates is not None:
        source = found.look("rows", lambda: kept.staged(with_dates, tell=tell), stage="features")
    if source is not None:
        listed = _of_source(checked, with_dates, source, _by_the_file(file, params, as_of))
    needs.disk_and_memory(found, with_dates or params, source, listed)
    return checked


def _of_launch(params: Params, found: Found, as_of: date | None) -> Params | None:
    """What a run refuses before its first kernel; the parameters with formats and dates."""
    data = stage_parameters.input_of(params)
    stores.engine(found, params)
    there = found.look("files", lambda: locate.files_of(data), lambda files: _named(data, list(files)))
    if there is not None and data["source"] == "database":
        there = found.look("database", lambda: launch.refuse_database(data) or data, lambda _: "it lets in")
    if file := stage_parameters.contacted(params):
        found.look("contacted", lambda: launch.refuse_contacted(params), lambda _: file)
    formatted = there is not None and found.look("format", lambda: launch.with_formats(params, remember=True))
    dated = formatted and found.look(
        "snapshots", lambda: launch.with_dates(formatted, as_of, remember=True), lambda p: _dates(p.snapshots)
    )
    stores.online(found, dated or params)
    if state.path(params.experiment, "run.lock").exists():
        found.look("other runs", lambda: launch.only_one(params.experiment).release())
    return dated or None


def _of_source(checked: Checked, params: Params, source: Source, file: Params | None) -> list | None:
    """What a run refuses once it has read the input; the features that it makes."""
    found = checked.found
    closed = of_log(found, params, source)
    listed = training.features(found, params, source)
    at = training.at_snapshots(found, params, source, closed=closed)
    if at is not None:
        checked.at.append(at)
    if listed is not None:
        training.trusted(found, params, listed)
    if at is not None and closed:
        training.split(found, params, at)
    if file is not None and (before := _at_of_file(file, source)) is not None:
        checked.at.append(before)
    if params.label.rule == "inactivity":
        kinds = params.label.kinds
        checked.silences = kept.table_of_staged(
            params, "silences", lambda: silence.silences(source.events, kinds=kinds), also=kinds
        )
    return listed


def _at_of_file(file: Params, source: Source) -> AtSnapshots | None:
    alone = Found()
    closed = source.events is None or alone.look("", lambda: all_closed(file, source)) is not None
    return training.at_snapshots(alone, file, source, closed=closed)


def _by_the_file(file: Params | None, params: Params, as_of: date | None) -> Params | None:
    """The file's own parameters with their dates, where they are of the same log and say something else of it."""
    if file is None or file.data != params.data or (file.label, file.snapshots) == (params.label, params.snapshots):
        return None
    return Found().look("", lambda: launch.with_dates(launch.with_formats(file), as_of))


def _named(data: dict, names: list[str]) -> str:
    if not names:
        return {"database": "a database", "cdnow": "in a package"}.get(data["source"], "simulated")
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _dates(dates: Snapshots) -> str:
    if dates.as_of:
        return dates.told().removeprefix("snapshots ")
    return f"train {', '.join(map(str, dates.train))}; test {dates.test}; serve {dates.serve}"
