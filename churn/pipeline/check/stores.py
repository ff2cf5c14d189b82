"""Whether what a run writes to and computes on answers: the online store, and on a cluster Spark's master."""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path

from churn import profile
from churn.features import online_marker
from churn.params.schema import Params
from churn.params.snapshots import Snapshots
from churn.pipeline.check.found import Found

SECONDS = 2  # that a master may take to answer
MASTER = re.compile(r"spark://([^:,/]+):(\d+)")


def engine(found: Found, params: Params) -> None:
    """What computes: packages and addresses, and on a cluster Java and a master that answers."""
    entered = found.look("engine", lambda: profile.enter(params.engine) or params.engine)
    if entered == profile.SPARK:
        found.look("Spark", _master, lambda master: f"{master} answers")


def _master() -> str:
    """Raises ChurnError without Java, or where the master does not answer."""
    from churn import spark

    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and Path(home, "bin", "java").exists()):
        raise spark.does_not_start("there is no java")
    master = profile.environment("")["CHURN_SPARK_MASTER"]
    if named := MASTER.match(master):
        try:
            socket.create_connection((named[1], int(named[2])), timeout=SECONDS).close()
        except OSError as fault:
            raise spark.does_not_start(fault.strerror or str(fault)) from None
    return master


def online(found: Found, params: Params) -> None:
    """The online store answers, and holds no later snapshot."""

    def look() -> str:
        if isinstance(params.snapshots, Snapshots):
            online_marker.refuse_earlier(params.experiment, str(params.snapshots.serve))
        return online_marker.current(params.experiment)[0]

    found.look("online store", look, lambda held: f"{held} is online" if held else "nothing is online yet")
