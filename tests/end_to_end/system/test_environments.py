"""A server stays in its environment while make makes others beside it, on a copy of the project."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

import psutil
import pyarrow.parquet as pq
import pytest
import requests

from tests.end_to_end.system.workplace import Workplace
from tests.serving.gunicorn_server import clean_environment, free_port

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
SMOKE = "PARAMS=params/smoke.yaml"
QUICK = "TESTS=-n0 tests/test_names.py"


class Visitor(threading.Thread):
    """Asks one page after the other, each on a connection of its own; `answered` and `failed` tell what came."""

    def __init__(self, url: str, customer: str) -> None:
        super().__init__()
        self.url, self.customer = url, customer
        self.answered, self.failed = Counter(), []
        self.between = threading.Lock()  # held while a request is under way
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.1):
            for path in ("/health", "/ready", "/", "/predict"):
                with self.between:
                    self._ask(path)

    def _ask(self, path: str) -> None:
        body = {"json": {"customer_id": self.customer}} if path == "/predict" else {}
        try:
            got = requests.request("POST" if body else "GET", self.url + path, timeout=20, **body)
        except requests.RequestException as error:
            self.failed.append((path, repr(error)))
        else:
            self.answered[path] += 1
            if got.status_code != 200:
                self.failed.append((path, got.status_code, got.text[:200]))

    @contextmanager
    def watching(self):
        """Within it the requests go on, and not one fails."""
        self.start()
        try:
            yield self
        finally:
            self.stopped.set()
            self.join()


class Maker:
    """`make` in a copy of the project, as from a fresh shell."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        inherited = {n: v for n, v in clean_environment().items() if n not in {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES"}}
        self.environment = inherited | {"CHURN_STATE": str(place.state), "PYTHON": sys.executable}

    def begin(self, *words: str) -> subprocess.Popen:
        """`make WORDS` under way."""
        log = self.place.state.with_name(f"make-{words[0]}.log")
        with log.open("a") as out:
            return subprocess.Popen(
                ["make", *words], cwd=self.place.code, env=self.environment, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def make(self, *words: str) -> None:
        """`make WORDS`, ended well."""
        self.end(self.begin(*words))

    def make_environment(self) -> None:
        """What `make lint` and `make test` begin with, and nothing after it."""
        command = [sys.executable, "environment.py", "dev", "python", "-V"]
        subprocess.run(command, cwd=self.place.code, env=self.environment, check=True, capture_output=True)

    def end(self, process: subprocess.Popen) -> None:
        log = self.place.state.with_name(f"make-{process.args[1]}.log")
        assert 0 == process.wait(), log.read_text()[-4000:]

    @contextmanager
    def serving(self, url: str, *words: str):
        """`make serve` until the end of the block: gunicorn's master."""
        process = self.begin("serve", *words)
        try:
            wait(lambda: requests.get(f"{url}/ready", timeout=20).status_code == 200)
            [master] = psutil.Process(process.pid).children()
            yield master
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def wait(condition) -> None:
    """Until the condition holds; not longer than a busy machine takes."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if condition():
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError("not within 120 s")


def leave_uncompiled(place: Workplace) -> None:
    """Environments as they are, but for the compiling of all packages: minutes of a processor each."""
    program = place.code / "environment.py"
    sound = program.read_text()
    program.write_text(sound.replace('"--compile-bytecode", ', ""))
    assert sound != program.read_text()


def answerable(place: Workplace, url: str) -> str:
    """A customer who lacks no feature."""
    profile = place.state / "smoke" / "features" / "2023-09-01" / "profile.parquet"
    customers = pq.read_table(profile, columns=["customer_id"])["customer_id"].to_pylist()
    asked = (requests.post(f"{url}/predict", json={"customer_id": customer}, timeout=20) for customer in customers)
    return next(answer.json()["customer_id"] for answer in asked if answer.status_code == 200)


def replace_workers(master: psutil.Process, visitor: Visitor) -> None:
    """Kill one worker after the other, each between two requests: whoever answers then has imported nothing yet."""
    for worker in master.children():
        with visitor.between:
            worker.kill()
            worker.wait(20)
        wait(lambda: len(master.children()) == 2)


@pytest.mark.long
def test_make_serve_keeps_answering_through_make_lint_make_test_and_a_changed_lock(tmp_path):
    place, port = Workplace.make(tmp_path), free_port()
    leave_uncompiled(place)
    maker, url = Maker(place), f"http://127.0.0.1:{port}"
    maker.make_environment()
    maker.make("run", SMOKE)
    used = (place.code / ".venv").resolve()

    with maker.serving(url, SMOKE, f"PORT={port}") as master:
        assert str(used / "complete") in {file.path for file in master.open_files()}
        with Visitor(url, answerable(place, url)).watching() as visitor:
            maker.make("lint")
            maker.make("test", QUICK)
            with (place.code / "requirements-dev.txt").open("a") as lock:
                lock.write("# changed\n")
            os.utime(used / "complete", (0, 0))  # the server is older than a day
            for beside in [maker.begin("test", QUICK), maker.begin("run", SMOKE)]:
                maker.end(beside)
            assert used != (place.code / ".venv").resolve()
            replace_workers(master, visitor)
            maker.make_environment()
    assert [] == visitor.failed
    assert min(visitor.answered.values()) > 50
    assert used.exists()
    maker.make_environment()
    assert not used.exists()
