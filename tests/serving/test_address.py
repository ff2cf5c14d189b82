"""Where the API listens: an address that cannot be had is one line, at once."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import pytest

from churn.state import PROJECT
from tests.serving.gunicorn_server import Server, clean_environment


def serve(**environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "gunicorn", "-c", "serving/gunicorn.conf.py", "serving.app:create_app()"]
    given = clean_environment() | environment
    return subprocess.run(command, cwd=PROJECT, env=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_port_in_use_is_one_line_that_names_it_and_the_variable(tmp_path, host):
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        done = serve(HOST=host, PORT=str(port), CHURN_STATE=str(tmp_path))
    told = f"error: port {port} of {host} is in use; take another (make serve PORT=8001), or end what holds it\n"
    assert (2, told, "") == (done.returncode, done.stderr, done.stdout)


@pytest.mark.parametrize(("address", "told"), [
    ({"PORT": "eighty"}, "invalid literal"),
    ({"PORT": "99999"}, "port must be 0-65535"),
    ({"HOST": "nowhere.invalid", "PORT": "8765"}, "not known"),
    ({"HOST": "203.0.113.7", "PORT": "8765"}, "Cannot assign"),
])  # fmt: skip
def test_an_address_that_there_is_not_is_one_line(tmp_path, address, told):
    done = serve(CHURN_STATE=str(tmp_path), **address)
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert told in done.stderr and done.stderr.endswith("; correct HOST and PORT\n")


def test_a_server_that_reads_its_settings_again_keeps_its_own_port(tmp_path):
    with Server(tmp_path, CHURN_STATE=str(tmp_path)) as server:
        before = {worker.pid for worker in server.workers()}
        server.http.close()  # a worker waits for whoever is still connected
        server.process.send_signal(signal.SIGHUP)
        server.wait(lambda: server.workers() and not before & {worker.pid for worker in server.workers()})
        time.sleep(0.5)
        assert (200, None) == (server.get("/health").status_code, server.process.poll()), server.log()
