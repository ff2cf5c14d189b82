"""The same API without a model: what Flask, gunicorn and the feature look-up take by themselves."""

from __future__ import annotations

from unittest import mock

import numpy as np

from serving import app


def create_app() -> app.Api:
    """The application; every probability is 0."""
    mock.patch("serving.champion.scorer", lambda loaded: (lambda rows, level=0.0: np.zeros(len(rows)), "none")).start()
    return app.create_app()
