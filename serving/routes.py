"""The addresses of the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from flask import Response, g

from serving import prometheus, request_checks, schemas
from serving.api import Api
from serving.champion import Champion
from serving.pages import comparison, customer, decision, openapi, page, production, reports, version
from serving.problems import CONTENT_TYPE, KINDS, Problem, unavailable
from serving.scoring import score, utc

SLOTS = 16  # predictions at once in a worker


def register(app: Api) -> None:
    """Add the addresses to the application."""
    _predictions(app)
    _pages(app)
    _probes(app)


def _predictions(app: Api) -> None:
    slots = request_checks.Slots(SLOTS)

    def answered(customer_ids: list[str], reasons: int) -> tuple[dict, list[dict | Problem]]:
        """The head of the answer, and a score or a problem for each customer: all by one version."""
        with slots.hold():
            champion = _champion(app)
            scores = score(champion, app.features, customer_ids, reasons=reasons)
        now = datetime.now(UTC)
        app.prediction_log.add(champion, scores, request_id=g.request_id, at=now)
        return {"request_id": g.request_id, "model": champion.name, "scored_at": utc(now)}, scores.documents()

    @app.post(
        "/predict",
        summary="Score one customer",
        tags=[PREDICTIONS],
        responses=_responses(schemas.Prediction, PREDICT_PROBLEMS),
    )
    def predict(body: schemas.PredictRequest) -> Response:
        head, [result] = answered([body.customer_id], body.reasons)
        if isinstance(result, Problem):
            raise result
        return _json(head | result)

    @app.post(
        "/predict/batch",
        summary="Score up to 1,000 customers",
        tags=[PREDICTIONS],
        responses=_responses(schemas.Batch, BATCH_PROBLEMS),
    )
    def predict_batch(body: schemas.BatchRequest) -> Response:
        head, results = answered(body.customer_ids, body.reasons)
        return _json(head | {"results": [_entry(*pair) for pair in zip(body.customer_ids, results, strict=True)]})


def _entry(customer: str, result: dict | Problem) -> dict:
    return {"customer_id": customer, "error": result.document()} if isinstance(result, Problem) else result


def _pages(app: Api) -> None:
    @app.get(
        "/model",
        summary="What is in production, and why",
        tags=[OPERATION],
        responses=_responses(schemas.InProduction, ()),
    )
    def model() -> Response:
        return _json(production.page_data(app))

    for rule, view in PAGES.items():
        page.add(app, rule, view)


def _probes(app: Api) -> None:
    @app.get("/health", summary="Does the process answer?", tags=[OPERATION], responses=_responses(schemas.Health, ()))
    def health() -> Response:
        return _json({"status": "ok"})

    @app.get("/ready", summary="Can it predict?", tags=[OPERATION], responses=_responses(schemas.Ready, READY_PROBLEMS))
    def ready() -> Response:
        champion = _champion(app)
        app.features.check(champion)
        return _json(
            {
                "status": "ready",
                "model": champion.name,
                "warnings": production.warnings(app),
            }
        )

    @app.get(
        "/metrics",
        summary="Prometheus metrics of all workers",
        tags=[OPERATION],
        responses={200: {"content": {"text/plain": {}}}},
    )
    def exposition() -> Response:
        if app.holder.registry_silent:  # whoever looks at it waits, and cannot say so
            prometheus.REGISTRY_UP.set(0)
        text, content_type = prometheus.exposition(app.features.now())
        return Response(text, content_type=content_type)


def _champion(app: Api) -> Champion:
    """The model that answers this request, from its start to its end. Raises Problem model-unavailable."""
    champion = app.holder.champion
    if champion is None:
        raise unavailable(app.holder.problem)
    return champion


def _json(value: dict) -> Response:
    return Response(json.dumps(value), content_type="application/json")


PAGES = {
    "/": production.view,
    "/versions/<int:number>": version.view,
    "/versions/<int:number>/audit": version.audit,
    "/audit": version.audit_of_production,
    "/decisions/<run>": decision.view,
    "/compare": comparison.view,
    "/customers": customer.view,
    "/reports/<run>/": reports.view,
    "/reports/<run>/<path:file>": reports.view,
    "/openapi/": openapi.view,
    "/openapi/openapi.json": openapi.document,
}
PREDICTIONS, OPERATION = {"name": "predictions"}, {"name": "operation"}
EVERYWHERE = ("unauthorized", "internal-error")
BATCH_PROBLEMS = (
    "invalid-request",
    "payload-too-large",
    "unsupported-media-type",
    "overloaded",
    "model-unavailable",
    "feature-store-unavailable",
)
PREDICT_PROBLEMS = (*BATCH_PROBLEMS, "unknown-customer", "outside-population", "missing-features", "stale-features")
READY_PROBLEMS = ("model-unavailable", "feature-store-unavailable")


def _responses(answer: type, problems: tuple[str, ...]) -> dict:
    """What an address can answer, for the OpenAPI document."""
    kinds: dict[int, list[str]] = {}
    for kind in (*problems, *EVERYWHERE):
        kinds.setdefault(KINDS[kind][0], []).append(kind)
    document = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {200: answer} | {
        status: {"description": ", ".join(of_status), "content": document} for status, of_status in kinds.items()
    }
