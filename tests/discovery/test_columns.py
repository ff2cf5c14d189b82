"""Columns of real exports' headers: what each means is found, and what is not certain is marked."""

from __future__ import annotations

import pytest

from churn import engine
from churn.discovery import files, finding
from tests.discovery.exports import EXPORTS, export
from tests.discovery.judged import Judged, judge
from tests.discovery.log import Log


def test_of_the_columns_with_one_right_meaning_95_in_100_are_found(judged):
    right = sum(len(one.right) for one in judged.values())
    missed = [f"{name}: {line}" for name, one in judged.items() for line in one.missed]

    assert len(EXPORTS) >= 40
    assert len(missed) <= 0.05 * (right + len(missed)), "\n".join(missed)


@pytest.mark.parametrize("name", EXPORTS)
def test_no_column_is_taken_for_another_one_for_certain(name, judged):
    assert [] == judged[name].wrong


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> dict[str, Judged]:
    """By export. One that is taken for no log at all has missed every column."""
    return {name: _judged(export(tmp_path_factory.mktemp("export"), name), tmp_path_factory) for name in EXPORTS}


def _judged(log: Log, folders) -> Judged:
    try:
        read = finding.proposals(files.tables(engine.embedded(), [*log.arguments], folders.mktemp("scratch")))
    except finding.InvalidData:
        read = []
    return judge(log, [{"role": one.role, "columns": [vars(choice) for choice in one.choices]} for one in read])
