"""The table of addresses, from the application's routes and from its OpenAPI document."""

from __future__ import annotations

import inspect

from churn.state import PROJECT
from docs.generate.table import table
from serving.app import create_app
from serving.problems import KINDS

PAGE = "api"
OF_LIBRARIES = ("/static/", "/openapi/")  # files, and the pages about the document
ALWAYS = {"unauthorized", "internal-error"}  # of every address: said once, in the text


def tables() -> dict[str, str]:
    """Mark -> Markdown: a row an address, what it answers, and the problems that it may answer with."""
    app = create_app(str(PROJECT / "params" / "smoke.yaml"))
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: ("GET" in rule.methods, rule.rule))
    rows = [_row(app, rule) for rule in rules if not rule.rule.startswith(OF_LIBRARIES)]
    return {"addresses": table(("address", "answers", "problems"), rows)}


def _row(app, rule) -> tuple[str, str, str]:
    [method] = sorted(rule.methods & {"GET", "POST"})
    path = rule.rule.replace("int:", "").replace("path:", "")
    documented = app.api_doc["paths"].get(path.replace("<", "{").replace(">", "}"), {}).get(method.lower(), {})
    said = documented.get("summary") or _docstring(app.view_functions[rule.endpoint])
    named = {kind for answer in documented.get("responses", {}).values() for kind in answer["description"].split(", ")}
    return f"`{method} {path}`", said, ", ".join(f"`{kind}`" for kind in KINDS if kind in named - ALWAYS)


def _docstring(view) -> str:
    """What a page's function says of itself, but for what it raises: that is a page that says so."""
    return " ".join((inspect.getdoc(view) or "").split("\n\n")[0].partition(" Raises ")[0].split())
