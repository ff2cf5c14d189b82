"""A PostgreSQL server of a test's own."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.system.workplace import free_port


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A real PostgreSQL cluster of its own, run by the user `postgres`; yields its address."""
    tools = max(Path("/usr/lib/postgresql").glob("*/bin"))
    port, home = free_port(), Path(f"/tmp/papertrail-postgres-{os.getpid()}")

    def as_postgres(*command: str) -> None:
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*become, *command], check=True, capture_output=True, cwd="/tmp")

    as_postgres(str(tools / "initdb"), "-D", str(home), "-A", "trust", "-U", "postgres")
    as_postgres(str(tools / "pg_ctl"), "-D", str(home), "-w", "-l", str(home / "log"), "-o",
                f"-h 127.0.0.1 -p {port} -k /tmp", "start")  # fmt: skip
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    finally:
        as_postgres(str(tools / "pg_ctl"), "-D", str(home), "-m", "immediate", "stop")
        as_postgres("rm", "-rf", str(home))
