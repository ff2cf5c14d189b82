"""The Flask application and what it holds. What would not survive a fork is opened by `Api.start`."""

from __future__ import annotations

import os
import sys
import threading

from flask import Response, g
from flask_openapi import Info, OpenAPI
from pydantic import ValidationError

from churn import state
from churn.params import schema
from serving import request_checks
from serving.champion import ChampionHolder
from serving.feature_lookup import FeatureLookup
from serving.prediction_log import PredictionLog
from serving.problems import Problem
from serving.record import Record
from serving.schemas import ProblemDocument
from serving.traffic import Traffic

ABOUT = "The probability that a customer leaves, from the model in production and the features online."
TURN_SECONDS = 0.001  # that a thread may keep Python to itself: a swap reads many small files beside busy threads
FIRST_LOOK_SECONDS = 15.0  # that a new worker waits for its model before it takes requests


class Api(OpenAPI):
    """The Flask application, with what it holds for as long as a process lives."""

    def __init__(self, settings: schema.Params) -> None:
        super().__init__(
            "serving",
            root_path=str(state.PROJECT / "serving"),
            validation_error_model=ProblemDocument,
            validation_error_callback=_invalid,
            doc_ui=False,  # pages/openapi.py has our own, which asks nothing of elsewhere
            security_schemes=request_checks.SCHEMES,
            info=Info(title=f"Churn predictions: {settings.experiment}", version="1", description=ABOUT),
        )
        self.openapi_version = "3.1.0"
        self.config["MAX_CONTENT_LENGTH"] = request_checks.BODY_LIMIT
        self.holder = ChampionHolder(settings.experiment)
        self.features = FeatureLookup(max_age_days=settings.serving.max_feature_age_days, as_of=settings.serving.as_of)
        self.prediction_log = PredictionLog(settings.experiment)
        self.record, self.traffic = Record(settings.experiment), Traffic()
        self.keys = request_checks.keys_of_environment()
        self._lock, self._started_in = threading.Lock(), 0

    def start(self) -> None:
        """Begin to follow the registry, once a process: after gunicorn's fork, elsewhere with the first request."""
        with self._lock:
            if self._started_in != os.getpid():
                sys.setswitchinterval(TURN_SECONDS)
                self.features.start()
                self.prediction_log.start()
                self.holder.start()
                self.traffic.start()
                self.holder.refreshed.wait(FIRST_LOOK_SECONDS)
                self._started_in = os.getpid()


def _invalid(error: ValidationError) -> Response:
    faults = [
        {"field": ".".join(map(str, fault["loc"])) or "body", "message": fault["msg"]}
        for fault in error.errors(include_url=False)
    ]
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return Problem(
        "invalid-request", f"{faults[0]['field']}: {faults[0]['message']}{more}", errors=faults[:20]
    ).response(request_id=g.request_id)
