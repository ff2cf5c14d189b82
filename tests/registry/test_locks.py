"""The lock that many machines share, as far as it goes without a database; tests/end_to_end/system has the rest."""

from __future__ import annotations

import sys

import pytest

from churn import state
from churn.errors import UserError
from churn.registry import versions
from churn.registry.locks import advisory


@pytest.mark.parametrize(("tracking", "lock", "expected"), [
    ("", "", ""),
    ("sqlite:////srv/mlflow.db", "", ""),
    ("http://mlflow:5000", "", ""),
    ("postgresql+psycopg://churn@db/mlflow", "", "postgresql+psycopg://churn@db/mlflow"),
    ("http://mlflow:5000", "postgresql://churn@db/mlflow", "postgresql://churn@db/mlflow"),
])  # fmt: skip
def test_the_lock_is_that_of_the_database_behind_mlflow_or_of_the_one_that_is_named(
    monkeypatch, tracking, lock, expected
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    monkeypatch.setenv("CHURN_LOCK", lock)
    assert expected == state.lock_database()


def test_an_address_for_sqlalchemy_is_one_for_libpq_without_its_driver():
    assert "postgresql://u:p@db/x?sslmode=require" == advisory.conninfo("postgresql+psycopg://u:p@db/x?sslmode=require")


def test_a_model_has_the_same_number_on_every_machine_and_in_every_release():
    assert 5147401924838836180 == advisory.key("cdnow")


def test_a_lock_without_its_driver_is_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setenv("CHURN_LOCK", "postgresql://churn@db/mlflow")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with (
        pytest.raises(UserError, match=r"needs the driver psycopg.*pip install 'psycopg\[binary\]'"),
        versions.locked("x"),
    ):
        pass
