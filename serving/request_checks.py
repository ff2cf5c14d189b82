"""What stands before every answer: request ids, API keys, the form of a body, and how many requests run at once."""

from __future__ import annotations

import hmac
import json
import os
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Request

from serving.problems import Problem

BODY_LIMIT = 512 * 1024  # bytes; a full batch of the longest ids takes less
DRAINED = 8 * BODY_LIMIT  # bytes of a body above the limit that are read, and thrown away, before the answer
WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
OPEN = {"/health", "/ready", "/metrics"}  # probes and Prometheus carry no key


def request_id(request: Request) -> str:
    """The caller's X-Request-ID when it is well-formed, else a new one."""
    given = request.headers.get("X-Request-ID", "")
    return given if WELL_FORMED.fullmatch(given) else uuid.uuid4().hex


def keys_of_environment() -> list[bytes]:
    """The API keys in CHURN_API_KEYS, separated by commas; none: no key is asked for."""
    return [key.strip().encode() for key in os.environ.get("CHURN_API_KEYS", "").split(",") if key.strip()]


def check_key(request: Request, keys: list[bytes]) -> None:
    """Refuse a request without one of the keys: `X-API-Key`, a bearer token, or Basic's password for a browser."""
    if not keys or request.path in OPEN:
        return
    sent = request.authorization
    given = request.headers.get("X-API-Key") or (sent and (sent.token or sent.password)) or ""
    matches = [hmac.compare_digest(given.encode(), key) for key in keys]  # all of them, so that time tells nothing
    if not any(matches):
        raise Problem("unauthorized", "send a valid key in the header X-API-Key or as Authorization: Bearer <key>")


def check_body(request: Request) -> None:
    """Refuse a body that is not a JSON object in UTF-8, sent as it is."""
    if request.method != "POST" or request.routing_exception:
        return
    if (coding := request.headers.get("Content-Encoding", "identity").strip().lower() or "identity") != "identity":
        raise Problem(
            "unsupported-media-type", f"send the body as it is, without Content-Encoding; found {coding!r:.80}"
        )
    if request.mimetype != "application/json":
        raise Problem(
            "unsupported-media-type", f"send Content-Type: application/json; found {request.mimetype or 'none'!r:.80}"
        )
    try:
        body = json.loads(request.get_data(cache=True))
    except (ValueError, RecursionError) as error:
        raise _not_valid("body", f"not readable as JSON: {error}") from None
    if not isinstance(body, dict):
        raise _not_valid("body", f"must be a JSON object; found {type(body).__name__}")


def _not_valid(field: str, message: str) -> Problem:
    return Problem("invalid-request", f"{field}: {message}", errors=[{"field": field, "message": message}])


class Slots:
    """How many predictions a worker works on at once; one more is refused at once rather than queued."""

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a slot. Raises Problem overloaded."""
        if not self._free.acquire(blocking=False):
            raise Problem(
                "overloaded", "as many predictions as this worker takes are under way; try again", retry_after=1
            )
        try:
            yield
        finally:
            self._free.release()
