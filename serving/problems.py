"""Errors of the API as problem documents (RFC 9457): a stable `type`, a status, and a detail that says what to do."""

from __future__ import annotations

import json

from flask import Response

from churn.errors import ChurnError, FeatureStoreUnavailable

CONTENT_TYPE = "application/problem+json"
KINDS = {
    "bad-request": (400, "The request cannot be read"),
    "unauthorized": (401, "An API key is needed"),
    "not-found": (404, "There is no such address"),
    "unknown-customer": (404, "The feature store does not know this customer"),
    "method-not-allowed": (405, "This address does not take this method"),
    "missing-features": (409, "Features of this customer are missing"),
    "outside-population": (409, "This customer is not of those whom the model learnt from"),
    "stale-features": (409, "The features of this customer are too old"),
    "payload-too-large": (413, "The request is too large"),
    "unsupported-media-type": (415, "The body must be plain JSON"),
    "invalid-request": (422, "The request is not valid"),
    "overloaded": (429, "Too many requests at once"),
    "internal-error": (500, "Something went wrong here"),
    "model-unavailable": (503, "There is no model to answer with"),
    "feature-store-unavailable": (503, "The feature store does not answer"),
}
REMEDIES = {  # what a caller does about it
    "bad-request": "correct the request",
    "unauthorized": "`X-API-Key: ...` or `Authorization: Bearer ...` with one of the keys of `CHURN_API_KEYS`",
    "not-found": "see the addresses",
    "unknown-customer": "check the id; a new customer comes with the next snapshot",
    "method-not-allowed": "see the addresses",
    "missing-features": "run the features stage; if it persists, such customers need a model trained with them",
    "outside-population": "treat the customer as gone, as `detail` tells; or widen the label's rule and train again",
    "stale-features": "run the features stage for a newer `snapshots.serve`; the limit: `serving.max_feature_age_days`",
    "payload-too-large": "smaller batches; the limit is 512 KB",
    "unsupported-media-type": "`Content-Type: application/json`, no `Content-Encoding`",
    "invalid-request": "correct the fields that `errors` lists",
    "overloaded": "wait for `Retry-After`; more workers if it lasts (16 predictions at once are one worker's)",
    "internal-error": "a fault of ours: the log has the cause under the `request_id`",
    "model-unavailable": "run the pipeline; `detail` has the reason, and it becomes ready by itself",
    "feature-store-unavailable": "wait for `Retry-After`; look at the store if it lasts: missing, locked or slow",
}
BY_STATUS = {status: kind for kind, (status, _) in reversed(KINDS.items())} | {404: "not-found"}


class Problem(Exception):
    """An answer that is an error. `errors` lists fields with their message; `retry_after` is in seconds."""

    def __init__(
        self, kind: str, detail: str, *, errors: list[dict] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.errors, self.retry_after = kind, detail, errors, retry_after
        self.status, self.title = KINDS[kind]

    def document(self) -> dict:
        """The members of the problem document."""
        members = {"type": self.kind, "title": self.title, "status": self.status, "detail": self.detail}
        return members | ({"errors": self.errors} if self.errors else {})

    def response(self, *, request_id: str) -> Response:
        """The document as an answer to the request of that id."""
        response = Response(
            json.dumps(self.document() | {"request_id": request_id}), self.status, content_type=CONTENT_TYPE
        )
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        if self.kind == "unauthorized":
            for scheme in ("Bearer", "Basic"):  # a line each: of two in one, browsers see the first alone
                response.headers.add("WWW-Authenticate", f'{scheme} realm="papertrail"')
        return response


def unavailable(error: ChurnError, *, retry_after: int = 2) -> Problem:
    """What is not there right now and will be again: the feature store or the model."""
    kind = "feature-store-unavailable" if isinstance(error, FeatureStoreUnavailable) else "model-unavailable"
    return Problem(kind, str(error), retry_after=retry_after)
