import shutil
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    name: str
    outcome: str
    seconds: float | None
    peak_mb: float | None
    report: str | None
    source_run: str | None


def write(folder, **facts):
    (folder / "index.html").write_text(repr(facts))
    return folder / "index.html"


def mark_reused(html, target, *, run_id, source_run):
    shutil.copy(html, target)
