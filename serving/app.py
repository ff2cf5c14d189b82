"""The API. `create_app()` makes it for one params file; what would not survive a fork is opened by `Api.start`."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

from flask import Response, g, request
from flask_openapi import Info, OpenAPI
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from churn import state
from churn.params import schema
from serving import guard, metrics, routes
from serving.champion import Keeper
from serving.online import Online
from serving.predictions import PredictionLog
from serving.problems import BY_STATUS, Problem
from serving.schemas import ProblemDocument

DEFAULT_PARAMS = state.PROJECT / "params" / "cdnow.yaml"
TURN_SECONDS = 0.001  # that a thread may keep Python to itself: a swap reads many small files beside busy threads
FIRST_LOOK_SECONDS = 15.0  # that a new worker waits for its model before it takes requests
POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

log = logging.getLogger("serving")


class Api(OpenAPI):
    """The Flask application, with what it holds for as long as a process lives."""

    def __init__(self, settings: schema.Params) -> None:
        super().__init__(
            "serving",
            root_path=str(state.PROJECT / "serving"),
            validation_error_model=ProblemDocument,
            validation_error_callback=_invalid,
            info=Info(title=f"Churn predictions: {settings.experiment}", version="1", description=routes.ABOUT),
        )
        self.openapi_version = "3.1.0"
        self.config["MAX_CONTENT_LENGTH"] = guard.BODY_LIMIT
        self.keeper = Keeper(settings.experiment)
        self.online = Online(max_age_days=settings.serving.max_feature_age_days, as_of=settings.serving.as_of)
        self.predictions = PredictionLog(settings.experiment)
        self._lock, self._started_in = threading.Lock(), 0

    def start(self) -> None:
        """Begin to follow the registry, once a process: after gunicorn's fork, elsewhere with the first request."""
        with self._lock:
            if self._started_in != os.getpid():
                sys.setswitchinterval(TURN_SECONDS)
                self.online.start()
                self.predictions.start()
                self.keeper.start()
                self.keeper.looked.wait(FIRST_LOOK_SECONDS)
                self._started_in = os.getpid()


def create_app(params_path: str | None = None) -> Api:
    """The API for a params file: the argument, CHURN_PARAMS, or params/cdnow.yaml. Raises InvalidParams."""
    app = Api(schema.load(params_path or os.environ.get("CHURN_PARAMS") or DEFAULT_PARAMS))
    keys = guard.keys_of_environment()

    @app.before_request
    def check() -> None:
        g.began = time.perf_counter()
        g.request_id = guard.request_id(request)
        app.start()
        request.get_data()  # whole, even if nobody asks: an answer that overtakes its body can cost the next request
        guard.check_key(request, keys)
        guard.check_body(request)

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
    docs = route.startswith("/openapi")  # its page comes with scripts inline; no page loads anything from elsewhere
    response.headers["Content-Security-Policy"] = f"{POLICY}; script-src 'self' 'unsafe-inline'" if docs else POLICY
    metrics.REQUEST_SECONDS.labels(route, response.status_code).observe(seconds)
    log.info(
        "request",
        extra={
            "facts": {
                "request_id": g.request_id,
                "method": request.method,
                "route": route,
                "status": response.status_code,
                "ms": round(seconds * 1e3, 3),
            }
        },
    )
    return response


def _invalid(error: ValidationError) -> Response:
    faults = [
        {"field": ".".join(map(str, fault["loc"])) or "body", "message": fault["msg"]}
        for fault in error.errors(include_url=False)
    ]
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return Problem(
        "invalid-request", f"{faults[0]['field']}: {faults[0]['message']}{more}", errors=faults[:20]
    ).response(request_id=g.request_id)


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or (error.code or 500) < 400:
        return error.response or error
    if error.code == 413:  # a client that is still sending would see a broken connection in place of the answer
        request.environ["wsgi.input"].read(guard.DRAINED)
    problem = Problem(BY_STATUS.get(error.code, "bad-request"), error.description or error.name)
    response = problem.response(request_id=g.request_id)
    response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return response


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected", extra={"facts": {"request_id": g.request_id}})
    return Problem("internal-error", "the log has the cause under this request id").response(request_id=g.request_id)
