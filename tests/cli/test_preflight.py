"""What a command needs is looked at before it begins: one line, exit code 2, and nothing is written."""

import errno
import os
import pty
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from churn.cli import main, preflight, tracking_store
from churn.errors import UserError
from churn.state import PROJECT


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "run_pipeline.py", "--params", "params/smoke.yaml", *arguments],
        cwd=PROJECT, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def a_file(tmp_path) -> Path:
    file = tmp_path / "a-file"
    file.write_text("not a folder")
    return file


@pytest.mark.parametrize("below", ["", "state", "deep/state"])
def test_a_state_folder_that_is_or_lies_below_a_file_is_refused_by_the_command(a_file, below):
    done = command("--plan", CHURN_STATE=str(a_file / below))
    assert 2 == done.returncode
    assert [
        f"error: the state folder {(a_file / below).resolve()}: {a_file} is a file; name a folder in CHURN_STATE"
    ] == (done.stderr.splitlines())


@pytest.mark.parametrize(("name", "told"), [("what?", r"holds a '\?'"), ("#1", "holds a '#'"), ("100%", "holds a '%'")])
def test_a_state_folder_whose_name_an_address_cannot_hold_is_refused(tmp_path, monkeypatch, name, told):
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / name))
    with pytest.raises(UserError, match=told):
        preflight.refuse_unusable()
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(("name", "told"), [
    ("~no-such-user/state", "Could not determine home directory"),
    ("n" * 300, "File name too long"),
    ("circle/state", "[Ss]ymlink loop|symbolic links|is a file"),
])  # fmt: skip
def test_a_state_folder_that_leads_nowhere_is_refused(tmp_path, monkeypatch, name, told):
    (tmp_path / "circle").symlink_to("circle")
    monkeypatch.setenv("CHURN_STATE", name if name.startswith("~") else str(tmp_path / name))
    with pytest.raises(UserError, match=f"^the state folder .*{name}.*({told}).*; name .* CHURN_STATE$"):
        preflight.refuse_unusable()


@pytest.mark.parametrize("name", ["state", "a state", "Zustände", "it's"])
def test_a_state_folder_that_is_still_to_be_made_is_fine(tmp_path, monkeypatch, name):
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / name))
    preflight.refuse_unusable()
    assert [] == list(tmp_path.iterdir())


def test_a_database_that_is_none_is_named_with_what_to_do(state_folder):
    state_folder.mkdir()
    (state_folder / "mlflow.db").write_bytes(b"\x00\x01 no database")
    with pytest.raises(UserError, match=r"mlflow\.db is not a SQLite database.*restore it, or move it away"):
        preflight.refuse_unusable()


def test_a_folder_in_place_of_the_database_is_no_database(state_folder):
    (state_folder / "mlflow.db").mkdir(parents=True)
    with pytest.raises(UserError, match=r"mlflow\.db is not a SQLite database"):
        preflight.refuse_unusable()


@pytest.mark.parametrize("begins", [b"", b"SQLite format 3\x00 and so on"])
def test_a_database_or_an_empty_file_is_fine(state_folder, begins):
    state_folder.mkdir()
    (state_folder / "mlflow.db").write_bytes(begins)
    preflight.refuse_unusable()


@pytest.mark.parametrize(("address", "told"), [
    ("bogus://x", "the scheme 'bogus'; known are http, https"),
    ("./mlruns", "the scheme './mlruns'; known are .* or unset the variable"),
    ("http://127.0.0.1:9", r"does not answer \(.*refused.*\); start it"),
    ("http://someone:hush@127.0.0.1:9", r"does not answer \(.*refused.*\); start it"),
    ("http://someone:hush@127.0.0.1:port", r"does not answer \(.*port.*\); start it"),
    ("http://[::1", r"does not answer \(Invalid IPv6 URL\)"),
    ("http://", "does not answer"),
])  # fmt: skip
def test_a_tracking_server_that_cannot_be_reached_is_refused_without_its_password(
    state_folder, monkeypatch, address, told
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(UserError, match=told) as refused:
        preflight.refuse_unusable()
    assert "hush" not in str(refused.value)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable], str]]:
    """Starts a server whose connections `speak(connection)` answers; returns its host and port."""
    opened = []

    def _serve(speak: Callable[[socket.socket], None]) -> str:
        class Speaker(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(1000)
                with suppress(OSError):
                    speak(self.request)

        server = socketserver.TCPServer(("127.0.0.1", 0), Speaker)
        opened.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{server.server_address[1]}"

    yield _serve
    for server in opened:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "401 Unauthorized", "302 Found\r\nLocation: http://["])
@pytest.mark.parametrize("before", ["", "someone:hush@"])
def test_a_tracking_server_that_answers_is_fine_whatever_it_says(state_folder, monkeypatch, serve, status, before):
    host = serve(lambda connection: connection.sendall(f"HTTP/1.0 {status}\r\n\r\n".encode()))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{before}{host}/")
    preflight.refuse_unusable()


def trickle(connection: socket.socket) -> None:
    for _ in range(15):
        connection.sendall(b"H")
        time.sleep(0.1)


@pytest.mark.parametrize(("speak", "told"), [
    (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"), r"\(SSH-2.0-OpenSSH\)"),
    (trickle, r"\(within 1 s\)"),
], ids=["another-protocol", "a-byte-at-a-time"])  # fmt: skip
def test_what_does_not_speak_http_in_time_is_no_tracking_server(state_folder, monkeypatch, serve, speak, told):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{serve(speak)}")
    monkeypatch.setattr(tracking_store, "SECONDS", 1)
    with pytest.raises(UserError, match=f"does not answer {told}; start it"):
        preflight.refuse_unusable()


@pytest.mark.parametrize("arguments", [
    ("--stages", ""), ("--stages", ","), ("--set", "data.path=\x1b[31m: ["), ("--set", "data.path=a\nb: ["),
    ("--set", "seed\n"), ("--set", "seed\n.x=1"),
])  # fmt: skip
def test_what_makes_no_sense_is_one_line_without_control_characters(arguments, tmp_path):
    done = command(*arguments, CHURN_STATE=str(tmp_path / "state"))
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "\x1b" not in done.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("closed", ["--plan | true", "--plan >&-"])
def test_a_plan_that_nobody_reads_ends_well(closed, tmp_path):
    words = f"set -o pipefail; '{sys.executable}' run_pipeline.py --params params/smoke.yaml {closed}"
    environment = os.environ | {"CHURN_STATE": str(tmp_path / "state")}
    done = subprocess.run(["bash", "-c", words], cwd=PROJECT, env=environment, capture_output=True, check=False)
    assert (0, b"") == (done.returncode, done.stderr)


def test_a_terminal_that_knows_ascii_only_shows_the_progress_with_other_signs():
    words = """if True:
        from churn.cli import main, output, progress
        def told():
            with progress.to(("features",), quiet=False) as teller:
                teller.begin("features"); teller.cell(1, 2, "Umsätze …"); teller.end("features", "ran", detail="✓ ä")
            output.say("größer …")
            return 0
        raise SystemExit(main._guarded(told))"""
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=PROJECT, env=environment, stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    assert (0, b"") == (done.returncode, done.stderr)
    shown = os.read(ours, 100_000)
    os.close(ours)
    assert b"features" in shown and b"gr??er ?" in shown


def test_a_folder_in_place_of_a_params_file_is_told_as_such(tmp_path):
    done = command("--params", "params", CHURN_STATE=str(tmp_path / "state"))
    assert (2, "error: params: is a folder; give a params file, such as params/cdnow.yaml\n") == (
        done.returncode,
        done.stderr,
    )


def test_a_home_folder_of_nobody_is_one_line(tmp_path):
    paths = "data={source: events, path: ~no-such-user/x.csv, columns: {customer_id: a, at: b}, kind: c}"
    label = "label={rule: inactivity, horizon_days: 30, active_within_days: 60}"
    done = command("--set", paths, "--set", label, CHURN_STATE=str(tmp_path / "state"))
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "there is no such user" in done.stderr


@pytest.mark.parametrize("days", ["-1", "nan"])
def test_pruning_takes_no_days_below_zero(days, tmp_path):
    words = [Path(sys.executable).with_name("churn"), "cache", "--params", "params/smoke.yaml", f"--prune={days}"]
    environment = os.environ | {"CHURN_STATE": str(tmp_path / "state")}
    done = subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert (2, f"error: --prune {days}: days are 0 or more; 0 removes all\n") == (done.returncode, done.stderr)


def test_a_full_disk_is_one_line_however_deep_it_lies(capsys):
    def fails() -> int:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "state/mlflow.db")
        except OSError:
            raise RuntimeError("the library's own words")  # noqa: B904

    assert 1 == main._guarded(fails)
    told = "error: [Errno 28] No space left on device: 'state/mlflow.db'; make room or give access, then "
    assert f"{told}type the same command\n" == capsys.readouterr().err


def test_a_full_disk_is_found_beside_a_cause_that_is_none(capsys):
    def fails() -> int:
        try:
            raise PermissionError(errno.EACCES, "Permission denied", "state/runs")
        except OSError:
            raise RuntimeError("the library's own words") from ValueError("its reason")

    assert 1 == main._guarded(fails)
    assert "error: [Errno 13] Permission denied: 'state/runs'; " in capsys.readouterr().err


def test_a_database_that_has_no_more_room_is_one_line(capsys):
    def fails() -> int:
        with sqlite3.connect(":memory:") as database:
            database.execute("pragma max_page_count = 2")
            database.execute("create table t (x)")
            try:
                database.execute("insert into t values (zeroblob(100000))")
            except sqlite3.Error as error:
                raise RuntimeError("the library's own words") from error

    assert 1 == main._guarded(fails)
    told = "error: database or disk is full; make room or give access, then type the same command\n"
    assert told == capsys.readouterr().err


def test_an_error_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        main._guarded(lambda: 1 // 0)


def test_a_query_that_ctrl_c_has_cut_short_is_an_interruption_like_any_other(capsys):
    def fails() -> int:
        raise RuntimeError("Query interrupted")

    assert (130, "interrupted") == (main._guarded(fails), capsys.readouterr().err.strip())
