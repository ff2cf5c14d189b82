"""A PostgreSQL server of a test file's own; a smoke run that nobody disturbed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.system.servers import Postgres
from tests.end_to_end.system.workplace import Workplace


@pytest.fixture(scope="session")
def undisturbed(shared, empty_state) -> Path:
    """A folder with a workplace in which the smoke run has ended well, and `told.json`: results and seconds of the run.

    tests/end_to_end/system/test_ends.py goes on in the workplace; the others read what is told.
    """

    def run(folder: Path) -> None:
        place = Workplace.make(folder)
        empty_state(place.state)
        began = time.monotonic()
        done = place.run()
        assert 0 == done.returncode, done.stderr
        told = {"results": place.results(), "seconds": time.monotonic() - began}
        (folder / "told.json").write_text(json.dumps(told))

    return shared("undisturbed", run)


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[Postgres]:
    """A real PostgreSQL, which a test may stop and start again."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def postgres(postgres_server) -> str:
    """Its address."""
    return postgres_server.url
