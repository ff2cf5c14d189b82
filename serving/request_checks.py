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

from churn.errors import UserError
from serving.problems import Problem

BODY_LIMIT = 512 * 1024  # bytes; a full batch of the longest ids takes less
DRAINED = 8 * BODY_LIMIT  # bytes of a body above the limit that are read, and thrown away, before the answer
WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
OPEN = {"/health", "/ready", "/metrics"}  # probes and Prometheus carry no key
SCHEMES = {
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "for browsers: any user name, the key as password"},
}


def request_id(request: Request) -> str:
    """The caller's X-Request-ID when it is well-formed, else a new one."""
    given = request.headers.get("X-Request-ID", "")
    return given if WELL_FORMED.fullmatch(given) else uuid.uuid4().hex


def keys_of_environment() -> dict[str, bytes]:
    """The API keys in CHURN_API_KEYS by their names: `shop:KEY,crm:KEY`; a bare one is called by its place, `key 1`.
    None: no key is asked for. Raises UserError where two have one name, or one has no key."""
    keys: dict[str, bytes] = {}
    given = [entry.strip() for entry in os.environ.get("CHURN_API_KEYS", "").split(",") if entry.strip()]
    for place, entry in enumerate(given, 1):
        name, named, key = entry.partition(":")
        name, key = (name.strip(), key.strip()) if named else (f"key {place}", entry)
        if not name or not key or name in keys:
            found = f"the name {name!r} twice" if name in keys else "a name or a key that is empty"
            raise UserError(f"CHURN_API_KEYS is name:key,other:key2, each name once; found {found} (entry {place})")
        keys[name] = key.encode()
    return keys


def check_key(request: Request, keys: dict[str, bytes]) -> str:
    """The name of the key that came along: `X-API-Key`, a bearer token, or Basic's password for a browser; "" where
    none is asked for. Raises Problem unauthorized."""
    if not keys or request.path in OPEN:
        return ""
    sent = request.authorization
    given = request.headers.get("X-API-Key") or (sent and (sent.token or sent.password)) or ""
    matches = [
        name for name, key in keys.items() if hmac.compare_digest(given.encode(), key)
    ]  # all: time tells nothing
    if not matches:
        raise Problem("unauthorized", "send a valid key in the header X-API-Key or as Authorization: Bearer <key>")
    return matches[0]


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
