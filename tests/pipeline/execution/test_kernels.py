"""Kernels: what they load before their turn, where they live, what is called in them, and how they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from jupyter_client.provisioning import local_provisioner

from churn import errors, state
from churn.pipeline import plan
from churn.pipeline.execution import kernels
from tests.commands import run_pipeline


def said(kernel: kernels.Kernel, code: str) -> str:
    """What code prints in a kernel."""
    told: list[str] = []
    client = kernel.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=100)
    client.execute_interactive(code, output_hook=lambda m: told.append(m["content"].get("text", "")), timeout=100)
    client.stop_channels()
    return "".join(told).strip()


@pytest.fixture
def process():
    """A process that runs this code of the shell, as a kernel's manager knows it, once it has ended."""

    def _process(code: str) -> SimpleNamespace:
        started = subprocess.Popen(["sh", "-c", code])
        started.wait()
        return SimpleNamespace(provisioner=SimpleNamespace(process=started))

    return _process


# --- what it loads ---


@pytest.mark.parametrize("stage", plan.STAGES)
def test_a_kernel_loads_what_its_notebook_imports_and_what_its_functions_will(stage):
    source = kernels.libraries(stage)
    assert f"{kernels.imports(stage)}\n{kernels.source_of(kernels.LOAD, stage)}" == source
    assert "import Markdown" in kernels.imports(stage)


def test_the_first_kernel_loads_what_every_stage_needs():
    assert kernels.COMMON == kernels.libraries("")


def test_a_notebook_without_a_cell_of_imports_has_nothing_to_load(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "NOTEBOOKS", tmp_path)
    (tmp_path / "a.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["import os\\n", "x = 1"]}]}')
    assert "" == kernels.imports("a")
    (tmp_path / "b.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["import os\\n", "import re"]}]}')
    assert "import os\nimport re" == kernels.imports("b")


# --- where it lives ---


def test_a_kernel_works_in_the_state_folder_with_a_fixed_seed_of_hashes(kernel):
    cwd, scratch, seed = said(
        kernel, "import os, tempfile; print(os.getcwd(), tempfile.gettempdir(), os.environ['PYTHONHASHSEED'])"
    ).split()
    assert (str(state.path("runs")), "0") == (cwd, seed)
    assert str(state.path("runs")) == os.path.dirname(scratch)


def test_temporary_files_of_a_process_that_was_killed_go_and_those_of_one_that_works_stay(tmp_path, process):
    dead = process("true").provisioner.process.pid
    for pid in (dead, os.getppid()):
        (tmp_path / f".tmp-{pid}-x" / "deep").mkdir(parents=True)
    with kernels._scratch(tmp_path) as own:
        assert {f".tmp-{os.getppid()}-x", Path(own).name} == {path.name for path in tmp_path.iterdir()}
    assert [f".tmp-{os.getppid()}-x"] == [path.name for path in tmp_path.iterdir()]


# --- what is called in it ---


def test_a_call_is_source_with_plain_values():
    assert "from a.b import c; c(*('x', 1, None))" == kernels.source_of("a.b.c", "x", 1, None)
    assert "from a import c; c(*())" == kernels.source_of("a.c")


def test_a_call_happens_in_the_kernel_and_shows_nothing(kernel, tmp_path, capfd):
    before = said(kernel, "print(len(In))")
    kernels.call(kernel, "os.mkdir", str(tmp_path / "made"))
    kernels.call(kernel, "builtins.print", "hush")
    assert (tmp_path / "made").is_dir()
    assert ("", "") == tuple(capfd.readouterr())
    assert int(before) + 1 == int(said(kernel, "print(len(In))")), "the calls are not in the notebook's history"


def test_a_call_raises_what_it_raised(kernel):
    with pytest.raises(errors.RegistryError, match="nobody has no version 7"):
        kernels.call(kernel, "churn.registry.versions.get", "nobody", 7)
    with pytest.raises(RuntimeError, match="invalid literal"):
        kernels.call(kernel, "builtins.int", "seven")


# --- how it ends ---


@pytest.mark.parametrize(
    ("code", "held_mb", "said"),
    [
        ("exit 3", 9, r"^the kernel ended by itself \(exit code 3\)$"),
        ("kill -SEGV $$", 9, r"^the kernel crashed \(SIGSEGV\): a library failed outside Python$"),
        ("kill -KILL $$", 1234.5, r"^the kernel was killed \(signal 9\) holding 1,234 MB of the machine's [\d,]+ MB: "),
        ("kill -KILL $$", 0, r"^the kernel was killed \(signal 9\) while it loaded libraries: most likely .* memory"),
    ],
)
def test_the_exit_code_tells_how_a_kernel_ended(process, code, held_mb, said):
    with pytest.raises(RuntimeError, match=said):
        raise RuntimeError(kernels.how_it_ended(process(code), held_mb=held_mb))


def test_a_kernel_that_is_there_or_that_nobody_knows_does_not_answer(kernel):
    unknown = SimpleNamespace(provisioner=SimpleNamespace(process=None))
    assert ["the kernel does not answer"] * 2 == [kernels.how_it_ended(k, held_mb=0) for k in (kernel, unknown)]


def test_the_memory_of_a_kernel_is_told_and_that_of_one_that_is_gone_is_none(kernel, process):
    gone = SimpleNamespace(provisioner=process("true").provisioner.process)
    assert kernels.peak_mb(kernel) > 20
    assert 0.0 == kernels.peak_mb(gone)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


def until(condition) -> bool:
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_while_a_stage_runs_the_next_one_s_kernel_starts_and_a_finished_one_s_ends():
    here = psutil.Process()
    others = set(here.children(recursive=True))
    with kernels.Kernels() as opened:
        first = opened._spare
        opened.expect(["features", "promote"])
        features = opened.take("features")
        assert first is features, "the one that started before anything was known"
        assert "promote" in opened._ready, "the next one's starts"
        kernels.call(features, "builtins.print")
        pid = features.provisioner.pid
        opened.done("features")
        assert until(lambda: gone(pid))
        kernels.call(opened.take("promote"), "builtins.print")
    assert until(lambda: set(here.children(recursive=True)) <= others)


def test_a_kernel_goes_with_the_process_that_started_it():
    code = (
        "from churn.pipeline.execution import kernels; import time, sys\n"
        "with kernels.warm_kernel('promote') as k: print(k.provisioner.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert until(lambda: gone(pid))


# --- a start that fails ---

CODES = ["exit 3", "kill -KILL $$", "echo 'no room' >&2; exit 1"]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("code", CODES)
def test_a_kernel_that_dies_at_its_start_is_started_once_more_and_told_in_one_line(dying, tmp_path, code):
    dying(code)
    told = []
    with kernels.warm_kernel(tell=told.append) as kernel:
        kernels.call(kernel, "os.mkdir", str(tmp_path / "made"))
    assert (tmp_path / "made").is_dir()
    [line] = told
    assert line.startswith("a kernel did not start (the kernel ") and line.endswith("; it is started once more")


@pytest.mark.parametrize("code", CODES)
def test_a_kernel_that_dies_at_its_second_start_too_is_noticed_within_seconds(dying, code):
    dying(code, times=2)
    began = time.monotonic()
    with kernels.warm_kernel() as kernel, pytest.raises(errors.ChurnError, match="nor when it was started once more"):
        kernels.call(kernel, "builtins.print")
    assert time.monotonic() - began < 30


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("taken", range(5), ids=["shell", "iopub", "stdin", "heartbeat", "control"])
def test_a_kernel_whose_port_somebody_has_taken_meanwhile_gets_others(monkeypatch, tmp_path, taken):
    ours, asked, told = local_provisioner.LocalPortCache.find_available_port, [], []
    with socket.create_server(("127.0.0.1", 0)) as somebody:

        def find(cache, ip: str) -> int:
            asked.append(ip)
            return somebody.getsockname()[1] if len(asked) == taken + 1 else ours(cache, ip)

        monkeypatch.setattr(local_provisioner.LocalPortCache, "find_available_port", find)
        with kernels.warm_kernel(tell=told.append) as kernel:
            kernels.call(kernel, "os.mkdir", str(tmp_path / "made"))
    assert (tmp_path / "made").is_dir()
    assert taken == 3 or "Address already in use" in told[0], "without its heartbeat a kernel works too"


def test_a_kernel_whose_program_is_not_there_is_an_error_of_one_line(dying, tmp_path):
    dying("exit 1")
    (tmp_path / "kernels" / "python3" / "start").unlink()
    with (
        pytest.raises(errors.ChurnError, match=r"^no kernel can be started here: .*No such file"),
        kernels.warm_kernel(),
    ):
        pass


def test_a_run_whose_kernel_does_not_start_is_one_line(dying, tmp_path):
    dying("exit 3", times=9)
    done = run_pipeline("--quiet", state=tmp_path / "state")
    assert (1, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert done.stderr.startswith("error: features: its kernel did not start, nor when it was started once more: ")
