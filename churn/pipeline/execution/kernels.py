"""Kernels that are warm before their turn: started early, they import their notebook's libraries in the background."""

from __future__ import annotations

import ast
import asyncio
import json
import math
import os
import queue
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from jupyter_client import AsyncKernelClient, AsyncKernelManager, BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.utils import run_sync

from churn import errors, state
from churn.pipeline.execution import forks

# Collecting garbage among thousands of new modules is a quarter of the time that importing them takes.
WARM_UP = "import gc; gc.disable()\n{code}\ngc.freeze(); gc.enable()"
# SciPy's functions first: skops looks for each among all modules in the order of their import, for three seconds more.
COMMON = "import scipy.special, churn.pipeline.execution.glue, churn.registry.versions, churn.reports.tables"
# Functions that are called where a kernel has them loaded already; by name, for here they may not be.
TARGETS = LOAD, PRODUCTION, KEEP, PUBLISH = (
    "churn.pipeline.execution.preload.load",
    "churn.registry.versions.production",
    "churn.registry.decisions.keep_report",
    "churn.features.store.publish",
)

SHORT = ("monitor", "promote")  # stages that are over before another kernel has loaded its libraries

# Errors by which a notebook ends from outside, and not by one of its cells.
NOT_STARTED, KERNEL_DIED, TIMED_OUT, STOPPED = FROM_OUTSIDE = (
    "KernelNotStarted",
    "KernelDied",
    "StageTimedOut",
    "Interrupted",
)


class Kernel(AsyncKernelManager):
    """Jupyter's manager of a kernel, which loads libraries in the background before it executes a notebook.

    The asynchronous one: nbclient waits for ever on the other's kernel when that dies. `stderr` is the file of what the
    kernel says before it is heard, `tell` is told of a start that fails.
    """

    def __init__(
        self, *, stderr: Path, tell: Callable[[str], None], copied: forks.Server | None, **options: object
    ) -> None:
        super().__init__(client_class=f"{__name__}.Client", **options)
        self._copied = copied
        self._code: list[str] = []
        self._loading: list[BlockingKernelClient] = []
        self._stderr, self._tell, self._starts, self.heard = stderr, tell, 1, False
        self.not_started = ""  # why, once that is final

    async def start_kernel(self, **options: object) -> None:
        """Start it: as a copy of a process that has loaded libraries, where there is one."""
        self.provisioner = self._copied and forks.provisioner(self._copied, self)
        await super().start_kernel(**options)

    def load(self, code: str) -> None:
        """Let the kernel, which may still be starting, execute code that loads libraries."""
        self._code.append(code)
        client = self.blocking_client()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        client.execute(WARM_UP.format(code=code), silent=True, store_history=False)
        self._loading.append(client)

    def has_loaded(self) -> bool:
        """Whether all that it was given to load is done."""
        while self._loading and self._loading[0].shell_channel.msg_ready():
            self._loading.pop(0).stop_channels()
        return not self._loading

    async def is_alive(self) -> bool:
        """Whether it works, or will: without its sockets it never does, though its process may stay."""
        return await super().is_alive() and (self.heard or "ZMQError" not in self._said())

    async def start_again(self) -> bool:
        """Start once more what died before it was heard, on other ports; False for the second time."""
        why = how_it_ended(self, held_mb=0) + (f": {said}" if (said := self._said()) else "")
        self._starts += 1
        if self._starts > 2:
            self.not_started = f"its kernel did not start, nor when it was started once more: {why}"
            return False
        self._tell(f"a kernel did not start ({why}); it is started once more")
        code, self._code = self._code, []
        self._stop_loading()
        await self.shutdown_kernel(now=True, restart=True)  # the next provisioner takes other ports
        self.cleanup_connection_file()
        os.truncate(self._stderr, 0)
        await self.start_kernel(**self._launch_args)
        for source in code:
            self.load(source)
        return True

    def end(self) -> None:
        """End the kernel at once."""
        self._stop_loading()
        run_sync(self.shutdown_kernel)(now=True)

    def _stop_loading(self) -> None:
        while self._loading:
            self._loading.pop().stop_channels()

    def _said(self) -> str:
        """The last line that it has said outside of any notebook."""
        lines = self._stderr.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip()[:200] if lines else ""


class Client(AsyncKernelClient):
    """Jupyter's client, which is ready as soon as it hears the kernel: the other then waits for 0.2 s of silence."""

    parent: Kernel

    def start_channels(self, **channels: bool) -> None:
        """Without the heartbeat: the process is asked whether it lives, and for a dead one sockets pile up."""
        super().start_channels(**{"hb": False} | channels)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has loaded its libraries, answers, and what it publishes arrives; one that dies before
        is started once more. Raises DeadKernelError where it does not come to that.
        """
        until = time.monotonic() + (timeout or math.inf)
        while not (ready := await self._is_ready(until)) and time.monotonic() < until:
            if self.parent.heard or not await self.parent.start_again():
                break
            self._reconnect()
        if not ready:
            from nbclient.exceptions import DeadKernelError  # who waits has nbclient; others need not load it

            raise DeadKernelError(self.parent.not_started or f"it is gone, or did not answer within {timeout} s")
        self.parent.heard = True

    async def _is_ready(self, until: float) -> bool:
        """The order matters: two clients' requests reach a kernel that is still starting in any."""
        while await self.parent.is_alive() and time.monotonic() < until:
            if not self.parent.has_loaded():
                await asyncio.sleep(0.005)
                continue
            self.kernel_info()
            with suppress(queue.Empty):
                await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=1)
                return True
        return False

    def _reconnect(self) -> None:
        """Follow the kernel to other ports."""
        for name in ("shell", "iopub", "stdin", "control"):
            getattr(self, f"{name}_channel").stop()  # and no more: stop_channels ends the client
            setattr(self, f"_{name}_channel", None)
            setattr(self, f"{name}_port", getattr(self.parent, f"{name}_port"))
        self.start_channels()


class Kernels:
    """One kernel a stage: while a stage runs in its own, the next one's starts and loads its libraries.

    The first one starts at once and loads what every stage needs, before it is known which stage it is for.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._stages, self._open, self._ready, self._spare, self._tell = [], ExitStack(), {}, None, tell
        self._copied: forks.Server | None = None

    def __enter__(self) -> Kernels:
        if forks.POSSIBLE:
            folder, environment = self._open.enter_context(_place())
            self._copied = self._open.enter_context(forks.server(folder, environment))
        self._spare = self._warm("")
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def expect(self, stages: Sequence[str]) -> None:
        """The stages that will run, in order, as far as that is known: the first kernel goes on to warm up for one."""
        self._stages = list(stages)
        for stage in self._stages[:1]:
            self._start(stage)

    def take(self, stage: str) -> Kernel:
        """The stage's kernel; that of the following stage begins to warm up, and where it is a short one the next's."""
        following = self._stages[self._stages.index(stage) + 1 :] if stage in self._stages else []
        ahead = 2 if following[:1] in ([short] for short in SHORT) else 1
        for name in [stage, *following[:ahead]]:
            if name not in self._ready:
                self._start(name)
        return self._ready[stage]

    def done(self, stage: str) -> None:
        """End the kernel of a stage at once: its memory is free for those that follow."""
        run_sync(self._ready[stage].signal_kernel)(signal.SIGKILL)

    def _start(self, stage: str) -> None:
        if self._spare:
            self._ready[stage], self._spare = self._spare, None
            self._ready[stage].load(libraries(stage))
        else:
            self._ready[stage] = self._warm(stage)

    def _warm(self, stage: str) -> Kernel:
        if self._copied:
            self._copied.load(libraries(stage))
        return self._open.enter_context(warm_kernel(stage, tell=self._tell, copied=self._copied))


@contextmanager
def warm_kernel(
    stage: str = "", *, then: str = "", tell: Callable[[str], None] = lambda _: None, copied: forks.Server | None = None
) -> Iterator[Kernel]:
    """A kernel that starts at once and, in the background, loads what the stage's notebook will; `then` more code."""
    with _place() as (scratch, environment), open(scratch / "stderr", "ab") as stderr:
        said = {"stderr": Path(stderr.name), "tell": tell, "copied": copied}
        kernel = Kernel(kernel_name="python3", connection_file=f"{scratch}/connection.json", **said)
        started = {"cwd": str(state.path("runs")), "env": environment, "stderr": stderr}
        try:
            run_sync(kernel.start_kernel)(**started, extra_arguments=["--IPKernelApp.log_level=50"])
        except (FileNotFoundError, NoSuchKernel) as error:
            raise errors.ChurnError(f"no kernel can be started here: {error}") from error
        try:
            kernel.load(f"{libraries(stage)}\n{then}")
            yield kernel
        finally:
            kernel.end()


@contextmanager
def _place() -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder for a process's temporary files (Feast makes some, which an ended kernel leaves behind), and the
    environment of one that works in the state folder."""
    cwd = state.path("runs")  # whatever a library writes into the working directory stays inside the state folder
    cwd.mkdir(parents=True, exist_ok=True)
    with _scratch(cwd) as scratch:
        of_kernels = {"PYTHONPATH": str(state.PROJECT), "CHURN_STATE": str(state.root()), "PYTHONHASHSEED": "0"}
        yield Path(scratch), os.environ | of_kernels | {"TMPDIR": scratch}


def _scratch(folder: Path) -> tempfile.TemporaryDirectory:
    """A folder for a kernel's temporary files, which goes with it; those of processes that were killed go at once."""
    for left in folder.glob(".tmp-*"):
        if not psutil.pid_exists(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f".tmp-{os.getpid()}-", dir=folder, ignore_cleanup_errors=True)


def libraries(stage: str) -> str:
    """The source that loads what a stage's notebook imports and what its functions will; without a stage, all's."""
    return f"{imports(stage)}\n{source_of(LOAD, stage)}" if stage else COMMON


def peak_mb(kernel: KernelManager) -> float:
    """The most memory that a kernel has held so far, in MB; 0 once it is gone."""
    try:
        process = psutil.Process(kernel.provisioner.pid)
        status = Path(f"/proc/{process.pid}/status")
        if status.exists():
            return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024
        return process.memory_info().rss / 2**20  # no peak is known here
    except (psutil.Error, OSError, TypeError):
        return 0.0


def how_it_ended(kernel: KernelManager, *, held_mb: float) -> str:
    """Why a kernel is gone, as far as its exit code tells."""
    code = kernel.provisioner.process.poll() if kernel.provisioner.process else None
    if code is None:
        return "the kernel does not answer"
    if code == -signal.SIGKILL:
        whole = psutil.virtual_memory().total / 2**20
        held = f"holding {held_mb:,.0f} MB of the machine's {whole:,.0f} MB" if held_mb else "while it loaded libraries"
        return (
            f"the kernel was killed (signal 9) {held}: "
            "most likely by the system, for want of memory; give it more, or less data"
        )
    if code < 0:
        return f"the kernel crashed ({signal.Signals(-code).name}): a library failed outside Python"
    return f"the kernel ended by itself (exit code {code})"


def source_of(target: str, *arguments: object) -> str:
    """The source that calls one of TARGETS with plain values."""
    module, _, name = target.rpartition(".")
    return f"from {module} import {name}; {name}(*{arguments!r})"


def call(kernel: KernelManager, target: str, *arguments: object) -> None:
    """Call one of TARGETS in a kernel, beside its notebook, and show nothing of it. Raises what it raised."""
    _until_ready(kernel)
    client = kernel.blocking_client()
    client.start_channels()
    asked = {"store_history": False, "timeout": 600, "output_hook": lambda _: None}
    try:
        client.wait_for_ready(timeout=600)  # what a kernel publishes before it is heard is lost, its end too
        done = client.execute_interactive(source_of(target, *arguments), **asked)["content"]
    finally:
        client.stop_channels()
    if done["status"] != "ok":
        raise errors.named(done["ename"])(done["evalue"])


def _until_ready(kernel: Kernel) -> None:
    """Wait for a kernel that may still be starting. Raises ChurnError for one that does not come to it."""
    client = kernel.client()
    client.start_channels()
    try:
        run_sync(client.wait_for_ready)(timeout=600)
    except RuntimeError as dead:
        raise errors.ChurnError(str(dead)) from None
    finally:
        client.stop_channels()


def imports(stage: str) -> str:
    """The source of a notebook's import cell."""
    cells = json.loads((state.NOTEBOOKS / f"{stage}.ipynb").read_text())["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return next((source for source in sources if _only_imports(source)), "")


def _only_imports(source: str) -> bool:
    body = ast.parse(source).body
    return bool(body) and all(isinstance(line, ast.Import | ast.ImportFrom) for line in body)
