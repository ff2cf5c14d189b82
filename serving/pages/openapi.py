"""Every address of the API, on a page made from its OpenAPI document."""

from __future__ import annotations

import json

from flask import Response

from serving.api import Api
from serving.pages import page
from serving.request_checks import OPEN, SCHEMES

EXAMPLES = {
    "PredictRequest": {"customer_id": "00005", "reasons": 3},
    "BatchRequest": {"customer_ids": ["00005", "00021"]},
}


def document(app: Api) -> Response:
    """The OpenAPI document; where keys are set, every operation that asks for one says so."""
    told = app.api_doc
    if app.keys:
        for path, operations in told["paths"].items():
            for operation in operations.values():
                operation["security"] = [] if path in OPEN else [{name: []} for name in SCHEMES]
    return Response(json.dumps(told), content_type="application/json")


def view(app: Api) -> str:
    """The same to read."""
    told = app.api_doc
    schemas = told["components"]["schemas"]
    addresses = [
        {"path": path, "method": method.upper(), "of": of, "fields": _fields(of, schemas), "example": _example(of)}
        for path, methods in told["paths"].items()
        for method, of in methods.items()
    ]
    return page.shown(
        app, "openapi.html", addresses=addresses, answers=_answers, schemas=schemas, keys=bool(app.keys), here="api"
    )


def _named(content: dict) -> str:
    """The name of the schema that a body has; "" where it has none."""
    held = next(iter(content.get("content", {}).values()), {}).get("schema", {})
    return held.get("$ref", "").rpartition("/")[2]


def _example(of: dict) -> str:
    example = EXAMPLES.get(_named(of.get("requestBody", {})))
    return json.dumps(example) if example else ""


def _fields(of: dict, schemas: dict) -> list[dict]:
    """What a request takes: name, type, whether it must be there, and what it is."""
    schema = schemas.get(_named(of.get("requestBody", {})), {})
    return [
        _field(name, told, name in schema.get("required", [])) for name, told in schema.get("properties", {}).items()
    ]


def _answers(of: dict, schemas: dict) -> list[dict]:
    """What an address answers: status, what it means, and the members of a good answer."""
    found = []
    for status, told in of["responses"].items():
        schema = schemas.get(_named(told), {}) if status == "200" else {}
        members = [_field(name, of_it, True) for name, of_it in schema.get("properties", {}).items()]
        found.append({"status": status, "means": told.get("description", ""), "members": members})
    return found


def _field(name: str, told: dict, required: bool) -> dict:
    kinds = [told, *told.get("anyOf", []), *told.get("items", {}).get("anyOf", [])]
    kind = next((one["type"] for one in kinds if "type" in one), "object")
    if kind == "array":
        kind = "list"
    return {"name": name, "kind": kind, "required": required, "means": told.get("description", "")}
