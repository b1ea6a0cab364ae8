"""Whether what came is what was expected, as people mean values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from holdfast.contracts.notifications import NotificationRequested
from holdfast.scenarios.expected import EventExpected, Subset
from holdfast.scenarios.play import Published


class _Missing:
    def __repr__(self) -> str:
        return "nothing of that name"


NOTICE = NotificationRequested.event_type
MISSING = _Missing()
"""What `dig` finds where an answer has no such field."""


@dataclass(frozen=True, slots=True)
class Line:
    """One expectation: what it is about, what was expected, what came; `where` leads to it in the file."""

    about: str
    expected: Any
    got: Any
    where: tuple[str | int, ...]
    passed: bool


def compare(about: str, expected: Any, got: Any, *where: str | int) -> Line:
    """A line for two values."""
    return Line(about, expected, got, where, same(expected, got))


def same(expected: Any, got: Any) -> bool:
    """Whether a value is the one expected: amounts by value, money without naming its currency, mappings in part."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return all(same(value, dig(got, name)) for name, value in expected.items())
    if isinstance(got, dict) and set(got) == {"amount", "currency"}:
        amount, _, currency = str(expected).partition(" ")
        return currency in ("", got["currency"]) and _number(amount) == _number(got["amount"])
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(same(e, g) for e, g in zip(expected, got, strict=True))
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or got is None:
        return expected is got
    return bool(_number(expected) == _number(got))


def _number(value: Any) -> Any:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    return number if number.is_finite() else str(value)


def dig(value: Any, way: str) -> Any:
    """What is found at the end of `a.b.0.c`; None inside nothing, MISSING where there is no such field."""
    for name in str(way).split("."):
        if isinstance(value, dict):
            value = value.get(name, MISSING)
        elif isinstance(value, list) and name.isdecimal():
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None if value is None else MISSING
    return value


def subset(about: str, wanted: Subset, got: Any, *where: str | int) -> list[Line]:
    """A line for each field."""
    return [compare(f"{about}: {name}", value, dig(got, name), *where, name) for name, value in wanted.items()]


def holds(about: str, wanted: Sequence[str], said: Sequence[str], *where: str | int) -> Line:
    """Whether each text is a part of one of the sentences."""
    passed = all(any(part in sentence for sentence in said) for part in wanted)
    return Line(about, list(wanted), list(said) or "nothing", where, passed)


def worded(about: str, wanted: str, said: str, *where: str | int) -> Line:
    """Whether it is a part of a sentence, or the sentence has all its words: `checkpoint off`, `excluded order`."""
    words = set(said.replace(",", " ").split())
    passed = bool(said) and (wanted in said or set(wanted.split()) <= words)
    return Line(about, wanted, said or "nothing", where, passed)


def exactly(wanted: Sequence[EventExpected], found: Sequence[Published]) -> Line:
    """Exactly these events, in any sequence: each one expected has one of its own, and none is left over.

    Requests to notify somebody count where one is named: they follow from who is set up to decide.
    """
    if all(one.type != NOTICE for one in wanted):
        found = [event for event in found if event.kind != NOTICE]
    chosen = _pairs(wanted, found)
    lacking = [one for place, one in enumerate(wanted) if place not in chosen.values()]
    left = [event for place, event in enumerate(found) if place not in chosen]
    got: Any = [event.kind for event in found]
    if lacking and left:
        got = f"{got}; {'; '.join(_differences(one, left) for one in lacking)}"
    return Line("events", [one.type for one in wanted], got, ("events",), not lacking and not left)


def _pairs(wanted: Sequence[EventExpected], found: Sequence[Published]) -> dict[int, int]:
    """Place of an event -> the expected one that it is, so that as many as possible have one (augmenting paths)."""
    chosen: dict[int, int] = {}

    def give(place: int, tried: set[int]) -> bool:
        for number, event in enumerate(found):
            if number in tried or not _is(wanted[place], event):
                continue
            tried.add(number)
            if number not in chosen or give(chosen[number], tried):
                chosen[number] = place
                return True
        return False

    for place in range(len(wanted)):
        give(place, set())
    return chosen


def _is(wanted: EventExpected, event: Published) -> bool:
    return wanted.type == event.kind and not _wrong(wanted, event)


def _wrong(wanted: EventExpected, event: Published) -> dict[str, Any]:
    """The fields that differ; a field that the event leaves out is null."""
    found = {name: dig(event.fields, name) for name in wanted.fields}
    found = {name: None if value is MISSING else value for name, value in found.items()}
    return {name: value for name, value in found.items() if not same(wanted.fields[name], value)}


def _differences(wanted: EventExpected, left: Sequence[Published]) -> str:
    """How the nearest of the events that are left differs from one that is lacking."""
    alike = [_wrong(wanted, event) for event in left if event.kind == wanted.type]
    if not alike:
        return f"no {wanted.type} is left"
    nearest = min(alike, key=len)
    told = ", ".join(f"{name} is {value}, not {wanted.fields[name]}" for name, value in nearest.items())
    return f"of {wanted.type} {told}"
