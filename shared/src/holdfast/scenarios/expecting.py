"""Compares what came with what was expected: one line each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urlencode

from holdfast.scenarios import journals
from holdfast.scenarios.acting import in_path, newest_hold
from holdfast.scenarios.play import CREDIT, HOLD, Done, Play
from holdfast.scenarios.steps import (
    EventExpected,
    Expect,
    GetExpected,
    HoldExpected,
    JournalExpected,
    ListExpected,
    Subset,
)

MISSING = "nothing"


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
        return same(expected, got["amount"]) or f"{got['amount']} {got['currency']}" == expected
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(same(e, g) for e, g in zip(expected, got, strict=True))
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or got is None:
        return expected is got
    return bool(_number(expected) == _number(got))


def _number(value: Any) -> Any:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return str(value)


def dig(value: Any, way: str) -> Any:
    """What is found at the end of `a.b.0.c`; None when nothing is."""
    for name in str(way).split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


async def check(play: Play, expect: Expect, done: Done, step_user: str | None) -> AsyncIterator[Line]:
    """The lines of everything that is expected after a step."""
    for line in _answered(expect, done):
        yield line
    if expect.hold is not None:
        async for line in _hold(play, expect.hold, done):
            yield line
    if expect.journal is not None:
        async for line in _journal(play, expect.journal):
            yield line
    for place, exposure in _each(expect.exposure):
        customer = exposure.customer or done.customer
        company, account = play.setting.party(customer)
        body = (await play.get(CREDIT, f"/v1/exposures/{play.names.name(company)}/{account}")).body
        for line in _subset(f"exposure of {account}", exposure.fields, body, "exposure", *place, "fields"):
            yield line
    for place, listed in _each(expect.list_):
        async for line in _list(play, listed, step_user, "list", *place):
            yield line
    for place, wanted in _each(expect.get):
        async for line in _get(play, wanted, step_user, "get", *place):
            yield line
    async for line in _counts(play, expect):
        yield line


def _each(found: Any) -> Sequence[tuple[tuple[int, ...], Any]]:
    if found is None:
        return ()
    return [((place,), one) for place, one in enumerate(found)] if isinstance(found, list) else [((), found)]


def _answered(expect: Expect, done: Done) -> list[Line]:
    reply = done.reply
    body = reply.body if reply is not None and isinstance(reply.body, dict) else {}
    lines = []
    if expect.refused is not None:
        got = None if reply is None or reply.ok else reply.problem
        if got is not None and expect.refused == str(reply and reply.status):
            got = expect.refused
        lines.append(compare("refused", expect.refused, got or "not refused", "refused"))
    elif reply is not None and not reply.ok:
        lines.append(Line("answer", "taken", f"refused: {body.get('detail')}", (), False))
    if expect.outcomes is not None:
        found = [str(r.body.get("outcome") or r.problem or r.status) for r in done.replies]
        lines.append(compare("outcomes", expect.outcomes, {name: found.count(name) for name in {*found}} | {
            name: found.count(name) for name in expect.outcomes}, "outcomes"))  # fmt: skip
    for name in ("outcome", "checked", "accepted", "accepted_amount", "message"):
        if (wanted := getattr(expect, name)) is not None:
            lines.append(compare(name, wanted, body.get(name), name))
    return lines + _told(expect, body)


def _told(expect: Expect, body: dict[str, Any]) -> list[Line]:
    lines = []
    if expect.because is not None:
        said = str(body.get("not_checked_because", MISSING))
        lines.append(Line("because", expect.because, said, ("because",), expect.because in said))
    if expect.reasons is not None:
        lines.append(compare("reasons", sorted(expect.reasons), sorted(body.get("reasons", [])), "reasons"))
    if expect.multiple is not None:
        lines.append(compare("multiple", expect.multiple, len(body.get("reasons", [])) > 1, "multiple"))
    if expect.level is not None:
        lines.append(compare("level", expect.level, dig(body, "figures.limit_level"), "level"))
    if expect.warned is not None:
        said = " ".join(map(str, body.get("warnings", [])))
        lines.append(Line("warned", expect.warned, said or MISSING, ("warned",), expect.warned in said))
    lines += _subset("figures", expect.figures, body.get("figures") or {}, "figures")
    lines += _subset("answer", expect.fields, body, "fields")
    if expect.lines is not None:
        lines.append(compare("lines", expect.lines, body.get("items"), "lines"))
    return lines


def _subset(about: str, wanted: Subset, got: Any, *where: str | int) -> list[Line]:
    return [compare(f"{about}: {name}", value, dig(got, name), *where, name) for name, value in wanted.items()]


async def _hold(play: Play, wanted: HoldExpected, done: Done) -> AsyncIterator[Line]:
    order = wanted.order or done.order or ""
    hold = await newest_hold(play, order, done.company)
    about = f"hold of {order}"
    if not wanted.exists or hold is None:
        yield compare(f"{about}: exists", wanted.exists, hold is not None, "hold")
        return
    active = sorted(r["reason"] for r in hold["reasons"] if r["active"])
    cleared = sorted(r["reason"] for r in hold["reasons"] if not r["active"])
    ready = hold["active"] and "ready_for_release" in active
    if wanted.cleared is not None:
        gone = set(wanted.cleared) <= set(cleared)
        yield Line(f"{about}: cleared", wanted.cleared, cleared, ("hold", "cleared"), gone)
    if wanted.reasons is not None:
        yield compare(f"{about}: reasons", sorted(wanted.reasons), active, "hold", "reasons")
    found = {"active": hold["active"], "primary": hold["primary_reason"], "ready": ready,
             "workflow": hold.get("workflow_status")}  # fmt: skip
    for name, got in found.items():
        if (value := getattr(wanted, name)) is not None:
            yield compare(f"{about}: {name}", value, got, "hold", name)
    for line in _subset(about, wanted.fields, hold, "hold", "fields"):
        yield line


async def _journal(play: Play, wanted: JournalExpected) -> AsyncIterator[Line]:
    number = play.made.get("journal")
    if number is None:
        yield Line("journal", "one that was made", MISSING, ("journal",), False)
        return
    for line in _subset("journal", wanted.fields, await journals.read(play, number), "journal", "fields"):
        yield line
    if wanted.lines is not None:
        yield compare("journal: lines", wanted.lines, await journals.lines(play, number), "journal", "lines")


async def _list(play: Play, wanted: ListExpected, user: str | None, *where: str | int) -> AsyncIterator[Line]:
    params = {name: str(value).lower() if isinstance(value, bool) else value for name, value in wanted.params.items()}
    if "company" in params:
        params["company"] = play.names.name(str(params["company"]))
    if wanted.path == "/v1/holds":
        params = {"sort": "-hold", "limit": 500, **params}
    path = f"{await in_path(play, wanted.path)}?{urlencode(params, quote_via=quote)}"
    reply = await play.get(wanted.service, path, wanted.user or user)
    items = reply.body.get("items", []) if isinstance(reply.body, dict) else []
    items = [item for item in items if play.is_own(item.get("company"))]
    about = f"list {wanted.path}"
    if wanted.count is not None:
        yield compare(f"{about}: count", wanted.count, len(items), *where, "count")
    if wanted.orders is not None:
        found = sorted(str(item.get("order")) for item in items)
        yield compare(f"{about}: orders", sorted(wanted.orders), found, *where, "orders")
    if wanted.without is not None:
        found = sorted(
            {str(item.get(name)) for item in items for name in ("order", "customer", "hold", "id")} - {"None"}
        )
        yield Line(f"{about}: without", wanted.without, found, (*where, "without"), wanted.without not in found)


async def _get(play: Play, wanted: GetExpected, user: str | None, *where: str | int) -> AsyncIterator[Line]:
    reply = await play.get(wanted.service, await in_path(play, wanted.path), wanted.user or user)
    if wanted.status is not None:
        yield compare(f"{wanted.path}: status", wanted.status, reply.status, *where, "status")
    for line in _subset(wanted.path, wanted.fields, reply.body, *where, "fields"):
        yield line


async def _counts(play: Play, expect: Expect) -> AsyncIterator[Line]:
    if expect.holds is not None:
        reply = await play.get(HOLD, "/v1/holds?sort=-hold&limit=500")
        own = [item for item in reply.body["items"] if play.is_own(item["company"])]
        yield compare("active holds", expect.holds, len(own), "holds")
    if expect.events is None and expect.event_counts is None:
        return
    found = await play.published()
    if expect.events is not None:
        yield _events(expect.events, found)
    for kind, count in (expect.event_counts or {}).items():
        got = sum(event["type"] == kind for event in found)
        yield compare(f"events {kind}", count, got, "event_counts", kind)


def _events(wanted: Sequence[str | EventExpected], found: Sequence[dict[str, Any]]) -> Line:
    """Exactly these events: each one expected is found once, and none is left over."""
    left, lacking = list(found), []
    for one in wanted:
        kind, fields = (one, {}) if isinstance(one, str) else (one.type, one.fields)
        match = next((e for e in left if e["type"] == kind and same(fields, e)), None)
        if match is None:
            lacking.append(kind)
        else:
            left.remove(match)
    expected = [one if isinstance(one, str) else one.type for one in wanted]
    return Line("events", expected, [e["type"] for e in found], ("events",), not left and not lacking)
