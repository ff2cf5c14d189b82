"""What every page has: the frame around it, the record that it is made of, and words where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps

from flask import Response, g, make_response, render_template

from churn.audit import facts
from churn.errors import RegistryError
from serving.api import Api
from serving.record import Known


class Told(Exception):
    """In place of the page that was asked for one that says, in words, why it cannot be shown."""

    def __init__(self, title: str, said: str, status: int = 404) -> None:
        super().__init__(said)
        self.title, self.said, self.status = title, said, status


def add(app: Api, rule: str, view: Callable[..., str | Response]) -> None:
    """Give a page its address; `view` takes the application and what the address names."""

    @wraps(view)
    def answer(**named: object) -> Response:
        g.page = True
        try:
            return make_response(view(app, **named))
        except Told as told:
            return make_response(shown(app, "told.html", title=told.title, said=told.said), told.status)
        except RegistryError as error:
            said = f"{error}. Predictions go on by the model in memory; try again in a moment."
            return make_response(shown(app, "told.html", title="The registry does not answer", said=said), 503)

    app.add_url_rule(rule, endpoint=rule, view_func=answer, methods=["GET"])


def shown(app: Api, template: str, *, known: Known | None = None, **more: object) -> str:
    """A page; with a document its facts, and a word where the registry has been silent since it was read."""
    document = known.document if known else None
    more = {"fact": facts.of(document), "why": document} | more if document is not None else more
    return render_template(template, experiment=app.holder.name, stale=_since(known), say=facts.shown, **more)


def _since(known: Known | None) -> str:
    """When the registry was last heard of, if not just now."""
    if known is None or known.silent is None:
        return ""
    return f"{datetime.now(UTC) - timedelta(seconds=known.silent):%H:%M:%S} UTC"


def document(app: Api, number: int) -> Known:
    """Everything behind a version. Raises Told where there is none."""
    standing = app.record.standing()
    numbers = [entry["version"] for entry in standing.document["versions"]]
    if number not in numbers:
        held = f"There are versions {numbers[-1]} to {numbers[0]}." if numbers else "There is no version yet."
        raise Told(f"There is no version {number}", f"{app.holder.name} has no version {number}. {held}")
    return standing if standing.document["version"] == number else app.record.version(number)
