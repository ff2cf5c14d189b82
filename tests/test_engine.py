"""The embedded engine: what it may hold, and a word for what is no amount of memory."""

from __future__ import annotations

import pytest

from churn import engine
from churn.errors import ChurnError


def limit() -> str:
    return engine.embedded().raw_sql("SELECT current_setting('memory_limit')").fetchone()[0]


@pytest.mark.parametrize(("asked", "held"), [("2GB", "1.8 GiB"), ("100MB", "95.3 MiB")])
def test_the_engine_holds_what_churn_memory_says(asked, held, monkeypatch):
    monkeypatch.setenv("CHURN_MEMORY", asked)
    assert held == limit()


def test_an_amount_that_is_none_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("CHURN_MEMORY", "plenty")
    with pytest.raises(ChurnError, match=r"^CHURN_MEMORY: 'plenty' is not an amount of memory, such as 2GB$"):
        engine.embedded()
