"""The API. `create_app()` makes it for one params file; nothing is opened before the first request or `start`."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

from flask import Response, g, request
from flask_openapi import Info, OpenAPI
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from churn import params, state
from serving import guard, metrics, pages, routes
from serving.champion import Keeper
from serving.online import Online
from serving.problems import BY_STATUS, Problem
from serving.schemas import ProblemDocument

log = logging.getLogger("serving.app")
