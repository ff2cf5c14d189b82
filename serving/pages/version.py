"""A version: where it stands, what it is made of, how it did in the test, and what was decided about it; and the same
as the audit document, to print."""

from __future__ import annotations

from flask import Response, g

from churn.audit import document
from serving.api import Api
from serving.pages import page
from serving.pages.figures import of_metric, tests
from serving.pages.reports import POLICY


def view(app: Api, number: int) -> str:
    """A version: what it is made of, how it did in the test, what was decided about it, and its limits."""
    known = page.document(app, number)
    bars = of_metric(known.document, "auc")
    return page.shown(app, "version.html", known=known, bars=bars, tests=tests(known.document), here="versions")


def audit(app: Api, number: int) -> Response:
    """The audit document of a version, as `churn why --html` writes it."""
    return _printed(page.document(app, number).document)


def audit_of_production(app: Api) -> Response:
    """The audit document of the version in production."""
    told = app.record.standing().document
    if told["version"] is None:
        raise page.Told(
            "Nothing is in production", "There is no version to tell of: run the pipeline until one is promoted."
        )
    return _printed(told)


def _printed(why: dict) -> Response:
    g.policy = POLICY
    return Response(document.html(why), content_type="text/html; charset=utf-8")
