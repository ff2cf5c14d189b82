"""A function or a whole run in a process of its own: how long it takes, and the most memory that it holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ALONE = """import importlib, json, re, sys, time
from pathlib import Path
name, places, options, loaded = json.loads(sys.argv[1])
module, function = name.split(".")
for each in loaded:
    importlib.import_module(each)
call = getattr(importlib.import_module(f"benchmarks.scaling.{module}"), function)
began, busy = time.perf_counter(), time.process_time()
call(*map(Path, places), **options)
seconds, cpu = time.perf_counter() - began, time.process_time() - busy
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": int(peak) / 1024}))
"""
STAGE = re.compile(r"^  (\w+) +ran +([\d.]+) +([\d,]+) MB", re.MULTILINE)


def alone(name: str, *places: Path, loaded: list[str] | None = None, state: Path | None = None, **options) -> dict:
    """Call `module.function` of this package with paths; `loaded`: what it imports before the clock starts.

    Returns seconds and peak_mb, the libraries included. Raises CalledProcessError where the function fails.
    """
    given = os.environ | {"PYTHONPATH": str(PROJECT)} | ({"CHURN_STATE": str(state)} if state else {})
    words = json.dumps([name, [str(place) for place in places], options, loaded or []])
    command = [sys.executable, "-c", ALONE, words]
    done = subprocess.run(command, check=True, cwd=PROJECT, env=given, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def whole_run(params: Path, state: Path) -> dict:
    """`run_pipeline.py` on an empty state: seconds, peak_mb of all its processes together, and each stage's own."""
    command = [sys.executable, "run_pipeline.py", "--params", str(params)]
    given = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=PROJECT, env=given | {"CHURN_STATE": str(state)}, stdout=subprocess.PIPE, text=True
    )
    watched = Watch(process.pid)
    watched.start()
    told, _ = process.communicate()
    watched.join()
    if process.returncode:
        raise SystemExit(f"error: the run ended with exit code {process.returncode}: {told[-2000:]}")
    stages = {n: {"seconds": float(s), "peak_mb": float(mb.replace(",", ""))} for n, s, mb in STAGE.findall(told)}
    return {"seconds": time.perf_counter() - began, "peak_mb": watched.peak / 2**20, "stages": stages}


class Watch(threading.Thread):
    """Looks at a process and all below it until it has ended; `peak`: the most bytes that they held together, each page
    that they share counted once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak = pid, 0

    def run(self) -> None:
        import psutil

        try:
            top = psutil.Process(self.pid)
            while top.status() != psutil.STATUS_ZOMBIE:
                self.peak = max(self.peak, sum(map(_held, [top, *top.children(recursive=True)])))
                time.sleep(0.5)
        except psutil.NoSuchProcess:
            pass


def _held(process) -> int:
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:  # it has ended meanwhile
        return 0
    found = re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
