"""A PostgreSQL server of a test file's own."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.system.servers import Postgres


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
