"""What is said of an input whose place is a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn import engine
from churn.errors import InvalidData
from churn.sources import inputs
from churn.sources.contract import Source


def read(data: dict, folder: Path) -> Source:
    return inputs.read(engine.connect(threads=1), data, folder / "staged")


def refusal(data: dict, folder: Path, *, secret: str) -> str:
    """What is said of an input: in one line, without the secret, and with nothing behind it that could tell it."""
    with pytest.raises(InvalidData) as caught:
        read(data, folder)
    assert secret not in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None
    assert [] == list((folder / "staged").glob(".*")), "no rows are left lying about"
    return str(caught.value)
