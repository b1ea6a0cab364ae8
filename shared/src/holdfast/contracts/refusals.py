"""What is wrong with a body and how to mend it, in plain words, from pydantic's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    "list_type": "Send a JSON array here.",
    "extra_forbidden": "Leave it out, or correct its name.",
    "dict_type": "Send a JSON object here.",
    "bool_type": "Send true or false.",
    "bool_parsing": "Send true or false.",
    "int_type": "Send a whole number.",
    "int_parsing": "Send a whole number.",
    "int_from_float": "Send a whole number.",
    "int_parsing_size": "Send a whole number of at most 18 digits.",
    "greater_than": "Send a value above {gt}.",
    "greater_than_equal": "Send a value of at least {ge}.",
    "less_than": "Send a value below {lt}.",
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
PROBLEMS: dict[str, str] = {
    "missing": "it is missing",
    "extra_forbidden": "nothing here has this name",
    "string_type": "not a text",
    "string_too_long": "longer than {max_length} characters",
    "string_too_short": "shorter than {min_length} character(s)",
    "string_pattern_mismatch": "not written in the form that is asked for",
    "string_unicode": "not valid UTF-8",
    "json_invalid": "not JSON ({error})",
    "json_type": "not JSON",
    "model_type": "not a JSON object",
    "model_attributes_type": "not a JSON object",
    "dict_type": "not a JSON object",
    "tuple_type": "not a JSON array",
    "list_type": "not a JSON array",
    "int_from_float": "not a whole number",
    "greater_than": "not above {gt}",
    "greater_than_equal": "below {ge}",
    "less_than": "not below {lt}",
    "less_than_equal": "above {le}",
    "decimal_max_digits": "more than {max_digits} digits",
    "decimal_max_places": "more than {decimal_places} digits after the point",
    "decimal_whole_digits": "more than {whole_digits} digits before the point",
    "literal_error": "not one of the values there are",
    "enum": "not one of the values there are",
    "timezone_aware": "an instant without its offset from UTC",
    "too_short": "fewer than {min_length} element(s)",
    "too_long": "more than {max_length} elements",
}
PROBLEMS_BY_PREFIX: dict[str, str] = {
    "datetime": "not an instant",
    "date": "not a calendar date",
    "decimal": "not a decimal number",
    "bool": "neither true nor false",
    "int": "not a whole number",
    "uuid": "not an id of ours",
}
BY_PREFIX: dict[str, str] = {
    "datetime": "Send an instant with its offset from UTC, such as 2026-03-02T09:15:00Z.",
    "date": "Send a calendar date that exists, such as 2026-03-02.",
    "decimal": "Send a decimal string such as \"12.50\".",
    "uuid": "Send the id as it was given to you, such as 018f3c5e-7d1a-7c3e-9a51-2f60c8d0b1aa.",
}  # fmt: skip
PATTERNS: dict[str, str] = {
    r"^[^/\s\x00-\x1f\x7f]+$": "Leave out slashes, blanks and control characters.",
    r"^[^\x00-\x1f]+$": "Fill it, without control characters.",
    r"^[^\x00-\x1f\x7f]+$": "Fill it, without control characters.",
    r"^[^\x00]+$": "Fill it, without the NUL character.",
    r"^[a-z][a-z0-9_]{0,59}$": "Write it in small letters, digits and underscores, such as days_overdue.",
    r"^[a-z_]+$": "Write it in small letters and underscores, such as credit_limit.",
    r"^[a-z-]+$": "Write it in small letters and hyphens, such as manual.",
}
"""What to do about a text that does not match a pattern, in plain words."""
CHOICE = re.compile(r"\^\(([\w.-]+(?:\|[\w.-]+)*)\)\$")
"""A pattern that is nothing but a list of names."""
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
    return [refusal_of(detail) for detail in error.errors(include_url=False)]


def refusal_of(detail: ErrorDetails | Mapping[str, Any], otherwise: str = OTHERWISE) -> Refusal:
    """One of pydantic's errors in plain words; `otherwise` is the remedy where nothing better is known."""
    context = detail.get("ctx") or {}
    if detail["type"] == REFUSED:
        location = (*detail["loc"], context["field"]) if context["field"] else detail["loc"]
        value = context["value"] if context["field"] else detail["input"]
        return Refusal(_path(location), shorten(value), context["problem"], context["remedy"])
    kind = detail["type"]
    value = "nothing" if kind == "missing" else shorten(detail["input"])
    return Refusal(
        _path(detail["loc"]), value, _problem(kind, context, detail["msg"]), _remedy(kind, context, otherwise)
    )


def _path(location: tuple[int | str, ...]) -> str:
    parts = (str(part) for part in location if not str(part).startswith(INTERNAL))
    return shorten(".".join(parts) or "body")


def _problem(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind in PROBLEMS:
        return PROBLEMS[kind].format_map(context)
    own = message.removeprefix("Value error, ")
    return next((text for prefix, text in PROBLEMS_BY_PREFIX.items() if kind.startswith(prefix)), own)


def _remedy(kind: str, context: Mapping[str, Any], otherwise: str) -> str:
    if kind == "string_pattern_mismatch":
        return _in_words(context["pattern"])
    if kind in REMEDIES:
        return REMEDIES[kind].format_map(context)
    return next((text for prefix, text in BY_PREFIX.items() if kind.startswith(prefix)), otherwise)


def _in_words(expression: str) -> str:
    if choice := CHOICE.fullmatch(expression):
        return f"Send one of {', '.join(choice[1].split('|'))}."
    return PATTERNS.get(expression) or REMEDIES["string_pattern_mismatch"].format(pattern=expression)
