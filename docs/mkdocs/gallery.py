"""The gallery: reports of runs on real data, executed from the code of the day, as pages of the site.

`make docs` makes the runs in a state folder of their own, which `CHURN_GALLERY` names; nothing that was executed lies
in the repository. Without it the page says how to get them.
"""

from __future__ import annotations

import os
import re
import shutil
from html import escape
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

REPORTS = {
    "log": "when events came, who stays away and comes back, how many left at each date",
    "features": "what is computed from the log",
    "monitor": "what came true of what was promised",
    "train": "who counts, who left, and the model",
    "evaluate": "how well it ranks, whether its probabilities hold, what it earns",
    "promote": "the rules, and the decision",
    "score": "whom to contact",
}
PICTURES = {"train": "importance", "evaluate": "reliability", "promote": "history", "score": "list_profit"}
INTRODUCTION = """# Gallery

Reports as runs leave them: notebooks that were executed on the 69,659 purchases of 23,570 customers of a CD shop, a
data set of the field's (CDNOW, 1997-98; Fader & Hardie 2001). Each is one file and loads nothing from elsewhere.
"""
NONE = "There are none in this copy of the site. `make docs` makes them: two runs, a minute."
MADE = "They were made with this site, by two runs of its own on an empty state folder (`make docs`)."


def runs(state: Path) -> list[Path]:
    """The folders of the finished runs of a state folder, the oldest first."""
    found = [index.parent for index in state.glob("runs/*/index.html")]
    return sorted(found, key=lambda folder: (folder / "index.html").stat().st_mtime)


def page(found: list[Path]) -> str:
    """Markdown: a card a run, with what it says first and a link to each of its reports."""
    cards = "\n".join(_card(folder) for folder in found)
    return f"{INTRODUCTION}\n{MADE if found else NONE}\n\n{cards}\n"


def _card(folder: Path) -> str:
    index = (folder / "index.html").read_text()
    title = re.search(r"<title>[^:<]*: (.*?)</title>", index)[1]
    there = [name for name in REPORTS if (folder / f"{name}.html").exists()]
    reports = "\n".join(
        f'<li><a href="{folder.name}/{name}.html">{name}</a><br>{escape(REPORTS[name])}{_picture(folder, name)}</li>'
        for name in there
    )
    return f'## [{title}]({folder.name}/index.html)\n\n<ul class="gallery">\n{reports}\n</ul>\n'


def _picture(folder: Path, stage: str) -> str:
    """One of a report's figures, small; it says nothing that the report does not."""
    name = PICTURES.get(stage, "")
    there = (_figures(folder) / f"{name}.png").exists()
    return f'<img src="{folder.name}/figures/{name}.png" alt="" loading="lazy">' if there else ""


def _figures(folder: Path) -> Path:
    """Where a run's figures lie among its artifacts."""
    found = folder.parents[1].glob(f"artifacts/*/{folder.name}/artifacts/figures")
    return next(found, folder / "figures")


def _shown() -> list[Path]:
    return runs(Path(os.environ["CHURN_GALLERY"])) if "CHURN_GALLERY" in os.environ else []


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The gallery stands beside the tutorial."""
    config.nav.insert(2, {"Gallery": "gallery/index.md"})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, "gallery/index.md", content=page(_shown())))
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """Copy the reports."""
    for folder in _shown():
        there = Path(config.site_dir) / "gallery" / folder.name
        shutil.copytree(folder, there, ignore=shutil.ignore_patterns("*.ipynb"))
        if (figures := _figures(folder)).exists():
            shutil.copytree(figures, there / "figures")
