"""The reference of the Python code: a page a room, made from the docstrings of its public modules when the site is.

The pages are in no repository: a code host shows the modules themselves.
"""

from __future__ import annotations

import ast
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PACKAGES = ("churn", "serving")


def rooms(project: Path) -> dict[str, list[str]]:
    """Room -> its public modules by their dotted names; the ground of a package is the package."""
    found: dict[str, list[str]] = {}
    for file in sorted(path for package in PACKAGES for path in (project / package).rglob("*.py")):
        parts = file.relative_to(project).with_suffix("").parts
        if not file.name.startswith("_") and "." not in file.stem and "templates" not in parts:
            found.setdefault(".".join(parts[:2] if len(parts) > 2 else parts[:1]), []).append(".".join(parts))
    return found


def page(room: str, modules: list[str], project: Path) -> str:
    """Markdown: what the room says of itself, then each module by its docstrings."""
    folder = project.joinpath(*room.split("."))
    sign = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    listed = "\n\n".join(f"## {module.removeprefix(f'{room}.')}\n\n::: {module}" for module in modules)
    return f"# {room}\n\n{sign}\n\n{listed}\n"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The pages come last in the navigation."""
    pages = [{room: f"python/{room}.md"} for room in rooms(Path(config.config_file_path).parent)]
    config.nav.append({"Python": pages})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    project = Path(config.config_file_path).parent
    for room, modules in rooms(project).items():
        files.append(File.generated(config, f"python/{room}.md", content=page(room, modules, project)))
    return files
