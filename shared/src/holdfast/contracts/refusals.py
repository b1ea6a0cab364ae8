"""What is wrong with a body and how to mend it, in plain words, from pydantic's errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

REFUSED = "holdfast_refused"
SHORT = 80
"""Characters of a refused value that are repeated; the whole record is kept with the dead letter."""

REMEDIES: dict[str, str] = {
    "missing": "Send this field; it is required.",
    "string_type": "Write it as a JSON string; amounts, quantities and rates too, such as \"12.50\".",
    "string_too_long": "Shorten it to at most {max_length} characters.",
    "string_too_short": "Fill it with at least {min_length} character(s).",
    "string_pattern_mismatch": "Write it so that it matches {pattern}.",
    "string_unicode": "Send valid UTF-8 text.",
    "json_invalid": "Send one JSON object in UTF-8 as the body.",
    "json_type": "Send one JSON object in UTF-8 as the body.",
    "model_type": "Send a JSON object here.",
    "model_attributes_type": "Send a JSON object here.",
    "tuple_type": "Send a JSON array here.",
    "dict_type": "Send a JSON object here.",
    "bool_type": "Send true or false.",
    "bool_parsing": "Send true or false.",
    "int_type": "Send a whole number.",
    "int_parsing": "Send a whole number.",
    "int_from_float": "Send a whole number.",
    "int_parsing_size": "Send a whole number of at most 18 digits.",
    "greater_than": "Send a value above {gt}.",
    "greater_than_equal": "Send a value of at least {ge}.",
    "less_than_equal": "Send a value of at most {le}.",
    "decimal_max_digits": "Send at most {max_digits} digits.",
    "decimal_max_places": "Send at most {decimal_places} digits after the point.",
    "decimal_whole_digits": "Send at most {whole_digits} digits before the point.",
    "literal_error": "Send one of {expected}.",
    "enum": "Send one of {expected}.",
    "timezone_aware": "Add the offset from UTC, such as 2026-03-02T09:15:00Z.",
    "too_short": "Send at least {min_length} element(s).",
    "too_long": "Send at most {max_length} elements.",
}  # fmt: skip
BY_PREFIX: dict[str, str] = {
    "datetime": "Send an instant with its offset from UTC, such as 2026-03-02T09:15:00Z.",
    "date": "Send a calendar date that exists, such as 2026-03-02.",
    "decimal": "Send a decimal string such as \"12.50\".",
}  # fmt: skip
PATTERNS: dict[str, str] = {}
"""What to do about a text that does not match a pattern, in plain words."""
OTHERWISE = "Compare the body with the JSON Schema of this event type and send it again."

INTERNAL = ("function-", "chain", "json-or-python")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is wrong: `field` as a dotted path, the shortened `value`, `problem` and `remedy`."""

    field: str
    value: str
    problem: str
    remedy: str


def refused(problem: str, remedy: str, field: str = "", value: Any = None) -> PydanticCustomError:
    """The error a validator raises when it knows the remedy better than the table above.

    A validator of a whole model names the `field` and its `value`; one of a field leaves both out.
    """
    context = {
        "problem": problem,
        "remedy": remedy,
        "field": field,
        "value": None if value is None else str(value),
    }
    return PydanticCustomError(REFUSED, "{problem}", context)


def pattern(expression: str, remedy: str) -> str:
    """A pattern of a text, with what to do about one that does not match it."""
    PATTERNS[expression] = remedy
    return expression


def shorten(value: Any) -> str:
    """`value` as text of at most `SHORT` characters, without NUL, for a message."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:
        text = "a number too large to print"
    text = text.encode("utf-8", "replace").decode().replace("\x00", "\\x00")
    return (text or "an empty text") if len(text) <= SHORT else text[: SHORT - 1] + "…"


def explain(error: ValidationError) -> list[Refusal]:
    """Every refusal in `error`, in the order of the fields."""
    return [_refusal(detail) for detail in error.errors(include_url=False)]


def _refusal(detail: ErrorDetails) -> Refusal:
    context = detail.get("ctx") or {}
    if detail["type"] == REFUSED:
        location = (*detail["loc"], context["field"]) if context["field"] else detail["loc"]
        value = context["value"] if context["field"] else detail["input"]
        return Refusal(_path(location), shorten(value), context["problem"], context["remedy"])
    value = "nothing" if detail["type"] == "missing" else shorten(detail["input"])
    return Refusal(_path(detail["loc"]), value, detail["msg"], _remedy(detail["type"], context))


def _path(location: tuple[int | str, ...]) -> str:
    parts = (str(part) for part in location if not str(part).startswith(INTERNAL))
    return shorten(".".join(parts) or "body")


def _remedy(kind: str, context: dict[str, Any]) -> str:
    if kind == "string_pattern_mismatch" and context["pattern"] in PATTERNS:
        return PATTERNS[context["pattern"]]
    if kind in REMEDIES:
        return REMEDIES[kind].format_map(context)
    return next((text for prefix, text in BY_PREFIX.items() if kind.startswith(prefix)), OTHERWISE)
