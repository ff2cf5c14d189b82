"""The twelve logs are themselves in order: the same each time, and described by what stands in them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from churn.params import schema
from tests.discovery.log import by_hand
from tests.discovery.logs import LOGS


@pytest.mark.parametrize("name", LOGS)
def test_a_log_is_the_same_each_time(name, tmp_path):
    contents = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        LOGS[name](folder, customers=100)
        contents.append({file.name: _content(file) for file in folder.iterdir()})

    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", LOGS)
def test_what_is_true_of_a_log_is_a_params_file_of_columns_that_it_has(name, tmp_path):
    log = LOGS[name](tmp_path, customers=100)

    schema.Params.model_validate(by_hand(log))
    assert all(log.right(*place, column) for place, columns in log.columns.items() for column in columns)
    assert not log.right("events", "customer_id", "nobody")


def test_an_expression_is_right_when_it_names_the_same_columns(tmp_path):
    shop = LOGS["shop order lines"](tmp_path, customers=100)

    assert shop.right("events", "value", 'round("Prijs" * Aantal, 2)')
    assert not shop.right("events", "value", "Prijs")
    assert not shop.right("events", "customer_id", "Artikelnummer")


def _content(file: Path) -> bytes | list[bytes]:
    """A file's bytes; of a workbook those of its parts, since its own hold the time at which it was packed."""
    if file.suffix != ".xlsx":
        return file.read_bytes()
    with zipfile.ZipFile(file) as book:
        return [book.read(name) for name in book.namelist()]
