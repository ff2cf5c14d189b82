"""A page's commands, typed as they stand there in a fresh folder, and what the page shows held against what is said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from churn.state import PROJECT

FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PORT_OF_THE_PAGES = "8000"
VARIES = (r"\(\d+ s\)", r"\b\d+\.\d\b +(?:\d+ MB)", r" {2,}")  # seconds, memory, and the space between columns


@dataclass
class Place:
    """A folder that looks like the project, with an empty state folder; what is written lands in it."""

    folder: Path
    port: int
    running: list[subprocess.Popen] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, port: int) -> Place:
        """Each entry of the project as a link: programs find the environment that is there."""
        for entry in PROJECT.iterdir():
            if entry.name not in ("state", "build", "site", ".git"):
                (folder / entry.name).symlink_to(entry)
        return cls(folder, port)

    def type(self, command: str) -> str:
        """Type a command; what it says. One that serves goes on in the background, as in a second terminal."""
        command = command.replace(f":{PORT_OF_THE_PAGES}/", f":{self.port}/")
        if command.startswith("make serve"):
            return self._serve(command)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, **self._where())
        return done.stdout + done.stderr

    def close(self) -> None:
        """End what was left running."""
        for process in self.running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def _serve(self, command: str) -> str:
        with (self.folder / "served.txt").open("w") as log:
            self.running.append(
                subprocess.Popen(
                    ["bash", "-c", command], stdout=log, stderr=log, start_new_session=True, **self._where()
                )
            )
        for _ in range(120):
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready").read().decode()
            except OSError:  # not yet
                time.sleep(0.5)
        raise AssertionError((self.folder / "served.txt").read_text())

    def _where(self) -> dict:
        environment = os.environ | {"CHURN_STATE": str(self.folder / "state"), "PORT": str(self.port)}
        return {"cwd": self.folder, "env": environment}


def follow(page: Path, place: Place) -> Iterator[tuple[str, list[str], str]]:
    """Do what a page says: save its files, type its commands; of each, the lines that the page shows after it."""
    steps = FENCE.findall(page.read_text())
    for (language, title, body), (after, _, shown) in zip(steps, [*steps[1:], ("", "", "")], strict=True):
        if title:
            (place.folder / title).write_text(body)
        if language == "bash":
            yield body, shown.splitlines() if after == "text" else [], place.type(body)


def missing(shown: list[str], said: str) -> list[str]:
    """Lines that a page shows and a command has not said, in this order; `...` stands for anything."""
    rest, absent = said.splitlines(), []
    for line in filter(str.strip, shown):
        wanted = re.compile(".*".join(re.escape(part.strip()) for part in _bare(line).split("...")))
        place = next((i for i, other in enumerate(rest) if wanted.search(_bare(other))), None)
        if place is None:
            absent.append(line)
        else:
            rest = rest[place + 1 :]
    return absent


def _bare(line: str) -> str:
    """A line without what is another in each run."""
    for pattern in VARIES:
        line = re.sub(pattern, " ", line)
    return line.strip()
