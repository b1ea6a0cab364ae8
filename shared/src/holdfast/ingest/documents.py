"""What the OpenAPI document says about the bodies and answers of the event routes."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import REGISTRY
from holdfast.contracts.schemas import example_of

EXAMPLE = example_of(REGISTRY["erp.payment.posted.v1"])
TAKEN = {"id": EXAMPLE["id"], "status": 202, "position": "erp.receivables.v1:3:120"}
HEADERS = ("id", "source", "type", "specversion", "time")

EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 250},
        "source": {"type": "string", "minLength": 1, "maxLength": 250},
        "type": {"type": "string", "enum": sorted(name for name in REGISTRY if name.startswith("erp."))},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "const": "application/json"},
        "data": {"type": "object", "description": "the body, as the schema of the type says"},
    },
}  # fmt: skip


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"type": "object"}}},
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _problem("The event or the batch is wrong; `errors` says what and how to mend it"),
    401: _problem("No valid token"),
    403: _problem("The token may not write events, or not for this company"),
    413: _problem("The body is too large"),
    415: _problem("Another content type than the route takes"),
    422: _problem("The route takes no parameters"),
}
SINGLE_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"description": "The bus has the event", "content": {"application/json": {"example": TAKEN}}},
    **PROBLEMS,
    503: _problem("The bus did not confirm the event; send it again with the same source and id"),
}
BATCH_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bus has every event", "content": {"application/json": {"example": [TAKEN]}}},
    207: {"description": "Some events were not taken: each answer has a status of its own"},
    **PROBLEMS,
}
SINGLE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": EVENT, "example": EXAMPLE},
            "application/json": {"schema": {"type": "object"}, "example": EXAMPLE["data"]},
        },
    },
    "parameters": [
        {"name": f"ce-{name}", "in": "header", "required": False, "schema": {"type": "string"},
         "description": "binary mode: with content-type application/json"} for name in HEADERS
    ],
}  # fmt: skip
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents-batch+json": {
                "schema": {"type": "array", "items": EVENT, "minItems": 1, "maxItems": 1000},
                "example": [EXAMPLE],
            }
        },
    }
}
