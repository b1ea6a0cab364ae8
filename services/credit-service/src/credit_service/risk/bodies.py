"""What the routes of risk take, and how they show it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from credit_service.risk.model import (
    Band,
    GroupType,
    Line,
    RiskGroup,
    ScoreType,
    ScoringGroup,
    gaps,
    is_numeric,
    overlaps,
    shown_number,
)
from credit_service.risk.store import Kept, KeptClass
from holdfast.contracts.base import Amount, Text
from holdfast.database.pool import to_json
from holdfast.web.problems import Problem, field_problem

MOST_LINES = 1000
NUMBER: TypeAdapter[Decimal] = TypeAdapter(Amount)


class LineBody(BaseModel):
    """A line of a scoring group: `from_value` and `to_value` (both included), or `value`."""

    model_config = ConfigDict(extra="forbid")

    from_value: Amount | None = None
    to_value: Amount | None = None
    value: str | None = Field(None, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")
    score: Amount = Field(description="points added")


class ScoringGroupBody(BaseModel):
    """A criterion that customers are scored by."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "description": "Years as a customer", "group_type": "customer_since", "score_type": "range",
        "lines": [{"from_value": "0", "to_value": "4", "score": "0"},
                  {"from_value": "5", "to_value": "99", "score": "30"}]}]})  # fmt: skip

    description: Text = ""
    group_type: GroupType = Field(description="where the value comes from; `user` is typed in for each customer")
    score_type: ScoreType = Field(description="range: numeric bounds; list: exact values")
    lines: tuple[LineBody, ...] = Field(max_length=MOST_LINES)


class RiskGroupBody(BaseModel):
    """A class of customers: those whose rounded total lies from `score_from` to `score_to`, both included."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"description": "High risk", "score_from": "61", "score_to": "100", "indicator": "red"}]})  # fmt: skip

    description: Text = ""
    score_from: Amount
    score_to: Amount
    indicator: Literal["none", "green", "yellow", "orange", "red"] = "none"


class TypedValueBody(BaseModel):
    """A value typed in by hand for a scoring group of type `user`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"value": "A2"}]})

    value: str = Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$", description="a number for ranges")


def scoring_group(group: str, given: ScoringGroupBody) -> ScoringGroup:
    """Raises Problem 422 for lines that do not fit the type, overlap or repeat a value (spec 1.5)."""
    if given.score_type is ScoreType.RANGE:
        if not is_numeric(given.group_type, ScoreType.RANGE):
            raise _invalid("score_type", "range", f"values of {given.group_type} are not numbers", "Use a list.")
        lines = tuple(Line(line.score, _band(n, line)) for n, line in enumerate(given.lines))
        _refuse_overlaps([line.band for line in lines if line.band], "lines")
    else:
        number = is_numeric(given.group_type, ScoreType.LIST)
        lines = tuple(Line(line.score, value=_value(n, line, number)) for n, line in enumerate(given.lines))
        _refuse_repetition([line.value or "" for line in lines])
    return ScoringGroup(group, given.group_type, given.score_type, lines)


def risk_group(group: str, given: RiskGroupBody, others: list[Band]) -> RiskGroup:
    """Raises Problem 422 for bounds in the wrong order, or that overlap another risk group (spec 1.6)."""
    if given.score_to < given.score_from:
        raise _invalid("score_to", str(given.score_to), "lies below score_from", "Swap them.")
    band = Band(given.score_from, given.score_to)
    _refuse_overlaps([*others, band], "score_from")
    return RiskGroup(group, band)


def _band(place: int, line: LineBody) -> Band:
    if line.from_value is None or line.to_value is None or line.value is not None:
        raise _invalid(f"lines.{place}", None, "a range needs from_value and to_value alone", "Send both bounds.")
    if line.to_value < line.from_value:
        raise _invalid(f"lines.{place}.to_value", str(line.to_value), "lies below from_value", "Swap them.")
    return Band(line.from_value, line.to_value)


def _value(place: int, line: LineBody, number: bool) -> str:
    if line.value is None or line.from_value is not None or line.to_value is not None:
        raise _invalid(f"lines.{place}", None, "a line of a list needs `value` alone", "Send the value.")
    return shown_number(as_number(line.value, f"lines.{place}.value")) if number else line.value


def as_number(text: str, field: str) -> Decimal:
    """A typed number. Raises Problem 422."""
    try:
        return NUMBER.validate_json(to_json(text))
    except ValueError:
        raise _invalid(field, text, "is not a number", 'Write a decimal such as "12.5".') from None


def _refuse_overlaps(bands: list[Band], field: str) -> None:
    for a, b in overlaps(bands):
        said = f"{a.low} to {a.high} and {b.low} to {b.high} overlap"
        raise _invalid(field, None, said, "Bounds are included: let the next range begin above the one before.")


def _refuse_repetition(values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise _invalid("lines", twice[0], f"the value {twice[0]} has two lines", "Keep one of them.")


def _invalid(field: str, value: str | None, problem: str, remedy: str) -> Problem:
    return field_problem(422, "invalid", "The request is not valid", field, value, problem, remedy)


def shown_scoring_group(kept: Kept) -> dict[str, Any]:
    """With a warning for each gap between its ranges."""
    group = kept.group
    bands = [line.band for line in group.lines if line.band]
    return {
        "id": group.id, "description": kept.description, "group_type": group.group_type,
        "score_type": group.score_type, "lines": [_shown_line(line) for line in group.lines],
        "version": kept.version, "warnings": [_gap(gap) for gap in gaps(bands)],
    }  # fmt: skip


def _gap(gap: Band) -> str:
    reach = shown_number(gap.low) if gap.low == gap.high else f"{shown_number(gap.low)} to {shown_number(gap.high)}"
    return f"No line covers {reach}: such a value scores 0."


def _shown_line(line: Line) -> dict[str, Any]:
    if line.band is None:
        return {"value": line.value, "score": shown_number(line.score)}
    low, high = shown_number(line.band.low), shown_number(line.band.high)
    return {"from_value": low, "to_value": high, "score": shown_number(line.score)}


def shown_risk_group(kept: KeptClass) -> dict[str, Any]:
    """A class as the API shows it."""
    band = kept.group.band
    return {
        "id": kept.group.id, "description": kept.description, "score_from": shown_number(band.low),
        "score_to": shown_number(band.high), "indicator": kept.indicator, "version": kept.version,
    }  # fmt: skip
