"""One customer: how likely they leave, why, what the score was computed from, and how they were scored before."""

from __future__ import annotations

import numpy as np
from flask import request
from pydantic import ValidationError

from churn import engine
from churn.scoring import lists
from serving.api import Api
from serving.champion import Champion
from serving.pages import page
from serving.pages.figures import within
from serving.problems import Problem
from serving.schemas import PredictRequest
from serving.scoring import Scores, score

REASONS = 6
LISTS = 12  # of the past, the newest


def view(app: Api) -> str:
    """The customer `?id=`: score, reasons, features with their training ranges, past scores; or a form to name one."""
    given = request.args.get("id", "")
    told = {"given": given, "here": "customers", "champion": app.holder.champion}
    if not given.strip():
        return page.shown(app, "customer.html", **told)
    return page.shown(app, "customer.html", **told, **_answer(app, given))


def _answer(app: Api, given: str) -> dict:
    champion = app.holder.champion
    if champion is None:
        return {"problem": Problem("model-unavailable", str(app.holder.problem))}
    try:
        asked = PredictRequest.model_validate({"customer_id": given, "reasons": REASONS if champion.explainer else 0})
        scores = score(champion, app.features, [asked.customer_id], reasons=asked.reasons)
        past = _past(app.holder.name, asked.customer_id)
    except ValidationError as error:
        return {"problem": Problem("invalid-request", f"this is no customer's id: {error.errors()[0]['msg']}")}
    except Problem as problem:
        return {"problem": problem}
    [told] = scores.documents()
    if isinstance(told, Problem):
        return {"problem": told, "past": past}
    return {
        "score": told,
        "past": past,
        "features": _features(champion, scores),
        "reasons": _bars(told.get("reasons", [])),
    }


def _features(champion: Champion, scores: Scores) -> list[dict]:
    """What the score was computed from: name, value, what it means, what training saw, and where it lies within."""
    about, seen = champion.metadata.get("about", {}), champion.metadata["training_ranges"]
    values = dict(zip(champion.reader.features, scores.numbers[:, 0].tolist(), strict=True))
    values |= {name: texts[0] for name, texts in scores.texts.items()}
    rows = []
    for name, value in values.items():
        value = None if isinstance(value, float) and np.isnan(value) else value
        told, saw = about.get(name, {}), seen.get(name, {})
        at = within(value, saw.get("low"), saw.get("high")) if not isinstance(value, str) else None
        outside = name in scores.out_of_range.get(0, [])
        rows.append({"name": name, "value": value, "about": told, "seen": saw, "at": at, "outside": outside})
    return sorted(rows, key=lambda row: (row["about"].get("topic", ""), row["name"]))


def _bars(reasons: list[dict]) -> list[dict]:
    """Reasons with the length of their bars, 50 for the weightiest."""
    most = max((abs(one["log_odds"]) for one in reasons), default=0.0) or 1.0
    return [one | {"length": round(50 * abs(one["log_odds"]) / most, 2)} for one in reasons]


def _past(experiment: str, customer: str) -> list[dict]:
    """How the lists scored them, newest first: snapshot, version, probability, group."""
    columns = ["customer_id", "probability", "group"]
    found = []
    for made in reversed(lists.all_of(experiment)[-LISTS:]):
        rows = engine.frame(made.path, columns=columns, filters=[("customer_id", "==", customer)])
        held = {"snapshot": made.snapshot, "version": made.version, "superseded": made.superseded}
        found += [held | {"probability": float(row.probability), "group": row.group} for row in rows.itertuples()]
    return found
