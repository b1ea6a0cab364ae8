"""What pydantic finds wrong, in words for somebody who writes a file."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from holdfast.contracts.refusals import PATTERNS, REFUSED
from holdfast.scenarios.marked import Where

WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "decimal_max_places": "may have {decimal_places} digits after the point at most",
    "decimal_max_digits": "may have {max_digits} digits at most",
    "decimal_whole_digits": "may have {whole_digits} digits before the point at most",
    "dict_type": "must be a mapping (`name: value`)",
    "model_type": "must be a mapping (`name: value`)",
    "model_attributes_type": "must be a mapping (`name: value`)",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "timezone_aware": "needs its offset from UTC, as in 2026-03-02T09:15:00Z",
}
BY_PREFIX = {
    "datetime": "must be an instant that exists, such as 2026-03-02T09:15:00Z",
    "date": "must be a day that exists, such as 2026-03-02",
    "decimal": "must be a number",
}


def in_words(error: ValidationError) -> list[tuple[Where, str]]:
    """Each problem with the way to it; the text names the place as well."""
    return [(_way(detail), _told(detail)) for detail in error.errors(include_url=False)]


def words_of(detail: Any) -> str:
    """One problem, without the place."""
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == REFUSED:
        return f"{context['problem']}. {context['remedy']}".rstrip(".")
    if kind == "string_pattern_mismatch":
        return _of_pattern(context["pattern"])
    if kind in WORDS:
        return WORDS[kind].format_map(context)
    found = next((text for prefix, text in BY_PREFIX.items() if kind.startswith(prefix)), None)
    return found or str(detail["msg"]).removeprefix("Value error, ")


def _of_pattern(pattern: str) -> str:
    return PATTERNS.get(pattern, f"must match {pattern}").rstrip(".")


def _way(detail: Any) -> Where:
    context = detail.get("ctx") or {}
    more = (context["field"],) if detail["type"] == REFUSED and context["field"] else ()
    return (*(part for part in detail["loc"] if not _is_inner(part)), *more)


def _is_inner(part: Any) -> bool:
    return isinstance(part, str) and part.startswith(("function-", "chain", "json-or-python"))


def _told(detail: Any) -> str:
    name = ".".join(str(part) for part in _way(detail))
    return f"{name}: {words_of(detail)}" if name else words_of(detail)
