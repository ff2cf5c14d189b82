"""A decision: what was asked, the rules that were applied, what came of it, and the notebook that carried it out."""

from __future__ import annotations

from serving.api import Api
from serving.pages import page


def view(app: Api, run: str) -> str:
    """A decision, rule by rule, with the notebook that carried it out."""
    history = app.record.standing().document["history"]
    found = next((decision for decision in history if decision["decision_run"] == run), None)
    if found is None:
        raise page.Told(
            "There is no such decision", "No decision of this experiment has that id; the first page lists all."
        )
    known = page.document(app, found["version"])
    place = next(n for n, d in enumerate(known.document["decisions"]) if d["decision_run"] == run)
    return page.shown(
        app, "decision.html", known=known, place=f"decisions.{place}", d=known.document["decisions"][place]
    )
