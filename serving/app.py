"""`create_app()` makes the API for one params file: what stands before and after every answer, and its errors."""

from __future__ import annotations

import logging
import os
import time

from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from churn import profile, state
from churn.params import schema
from serving import prometheus, request_checks, routes
from serving.api import Api
from serving.problems import BY_STATUS, Problem

DEFAULT_PARAMS = state.PROJECT / "params" / "cdnow.yaml"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

log = logging.getLogger("serving")


def create_app(params_path: str | None = None) -> Api:
    """The API for a params file: the argument, CHURN_PARAMS, or params/cdnow.yaml. Raises UserError."""
    settings = schema.load(params_path or os.environ.get("CHURN_PARAMS") or DEFAULT_PARAMS)
    profile.enter(settings.engine)
    app = Api(settings)

    @app.before_request
    def check() -> None:
        g.began = time.perf_counter()
        g.request_id, g.key = request_checks.request_id(request), ""
        app.start()
        request.get_data()  # whole, even if nobody asks: an answer that overtakes its body can cost the next request
        g.key = request_checks.check_key(request, app.keys)
        request_checks.check_body(request)

    app.after_request(_finish)
    app.register_error_handler(Problem, lambda problem: problem.response(request_id=g.request_id))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    routes.register(app)
    return app


def _finish(response: Response) -> Response:
    """Headers, metrics and one line of log for every answer."""
    seconds, route = time.perf_counter() - g.began, request.url_rule.rule if request.url_rule else "unknown"
    response.headers["X-Request-ID"] = g.request_id
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers["Content-Security-Policy"] = g.get("policy", POLICY)
    prometheus.REQUEST_SECONDS.labels(route, response.status_code).observe(seconds)
    fields = {
        "request_id": g.request_id,
        "method": request.method,
        "route": route,
        "status": response.status_code,
        "ms": round(seconds * 1e3, 3),
    }
    if g.key:
        fields["key"] = g.key
    log.info("request", extra={"fields": fields})
    return response


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or (error.code or 500) < 400:
        return error.response or error
    if error.code == 413:  # a client that is still sending would see a broken connection in place of the answer
        request.environ["wsgi.input"].read(request_checks.DRAINED)
    problem = Problem(BY_STATUS.get(error.code, "bad-request"), error.description or error.name)
    response = problem.response(request_id=g.request_id)
    response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return response


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected", extra={"fields": {"request_id": g.request_id}})
    return Problem("internal-error", "the log has the cause under this request id").response(request_id=g.request_id)
