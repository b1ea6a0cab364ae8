"""Looks at what came of a step and compares it with what was expected: one line each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

from holdfast.contracts.holds import OrderCleared, OrderHeld, OrderReleased
from holdfast.scenarios import journals
from holdfast.scenarios.asking import in_path, newest_hold, place_of
from holdfast.scenarios.calls import Reply
from holdfast.scenarios.comparing import Line, compare, exactly, holds, subset, worded
from holdfast.scenarios.expected import (
    Expect,
    ExposureExpected,
    GetExpected,
    HoldExpected,
    JournalExpected,
    ListExpected,
)  # fmt: skip
from holdfast.scenarios.names import CREDIT, FIGURES, HOLD, HOLD_ENDED
from holdfast.scenarios.play import Done, Play

NOTHING = "nothing"
PAGE = 500
DECIDED = (*OrderCleared.model_fields, *OrderHeld.model_fields, *OrderReleased.model_fields)
Lines = AsyncIterator[Line]


async def check(play: Play, expect: Expect, done: Done, user: str | None) -> Lines:
    """The lines of everything that is expected after a step."""
    for line in _answered(expect, done):
        yield line
    async for line in _explained(play, expect, done):
        yield line
    for place, hold in enumerate(expect.hold or ()):
        async for line in _hold(play, hold, done, "hold", place):
            yield line
    if expect.journal is not None:
        async for line in _journal(play, expect.journal):
            yield line
    for place, exposure in enumerate(expect.exposure or ()):
        async for line in _exposure(play, exposure, done, "exposure", place):
            yield line
    for place, listed in enumerate(expect.list_ or ()):
        async for line in _list(play, listed, user, "list", place):
            yield line
    for place, wanted in enumerate(expect.get or ()):
        async for line in _get(play, wanted, user, "get", place):
            yield line
    async for line in _counts(play, expect):
        yield line


def _answered(expect: Expect, done: Done) -> list[Line]:
    reply = done.reply
    body = reply.body if reply is not None and isinstance(reply.body, dict) else {}
    lines = []
    if expect.refused is not None:
        lines.append(_refused(expect.refused, reply))
    elif reply is not None and not reply.ok:
        lines.append(_refusal("answer", reply))
    if expect.outcomes is not None:
        lines.append(_counted(expect.outcomes, [one.reply for one in done.together if one.reply is not None]))
    for name in ("outcome", "checked", "accepted", "accepted_amount", "message"):
        if (wanted := getattr(expect, name)) is not None:
            lines.append(compare(name, wanted, body.get(name, NOTHING), name))
    return lines + _told(expect, body)


def _refused(wanted: str | bool, reply: Reply | None) -> Line:
    """Whether a command was refused: at all, with a problem type or with a status."""
    if reply is None or reply.ok:
        return Line("refused", wanted, "not refused", ("refused",), wanted is False)
    passed = wanted is True or wanted in (reply.problem, str(reply.status))
    return Line("refused", wanted, wanted if passed else reply.problem or reply.status, ("refused",), passed)


def _counted(wanted: dict[str, int], replies: list[Reply]) -> Line:
    """So many answers of each sort, and none that is not named."""
    sorts = [_sorts(reply) for reply in replies]
    found = {name: sum(name in of for of in sorts) for name in wanted}
    others = [of[0] for of in sorts if not set(of) & set(wanted)]
    found |= {name: others.count(name) for name in others}
    return Line("outcomes", wanted, found, ("outcomes",), found == wanted)


def _sorts(reply: Reply) -> list[str]:
    """What one answer may be counted as, the most telling first."""
    said = reply.body.get("outcome") if isinstance(reply.body, dict) else None
    plain = "taken" if reply.ok else "refused"
    return [str(name) for name in (said, reply.problem, reply.status, plain) if name is not None]


def _refusal(about: str, reply: Reply, *where: str | int) -> Line:
    said = reply.body.get("detail") if isinstance(reply.body, dict) else reply.body
    return Line(about, "taken", f"refused with {reply.status}: {said}", where, False)


def _told(expect: Expect, body: dict[str, Any]) -> list[Line]:
    lines = []
    if expect.because is not None:
        lines.append(worded("because", expect.because, str(body.get("not_checked_because") or ""), "because"))
    if expect.reasons is not None:
        lines.append(compare("reasons", sorted(expect.reasons), sorted(body.get("reasons") or []), "reasons"))
    if expect.multiple is not None:
        lines.append(compare("multiple", expect.multiple, len(body.get("reasons") or []) > 1, "multiple"))
    figures = _complete(body.get("figures"))
    if expect.level is not None:
        lines.append(compare("level", expect.level, figures["limit_level"], "level"))
    if expect.warned is not None:
        lines.append(holds("warned", [expect.warned], [str(text) for text in body.get("warnings") or ()], "warned"))
    lines += subset("figures", expect.figures, figures, "figures")
    lines += subset("answer", expect.fields, _as_a_whole(body), "fields")
    if expect.lines is not None:
        lines.append(compare("lines", expect.lines, body.get("items"), "lines"))
    return lines


def _complete(figures: dict[str, Any] | None) -> dict[str, Any]:
    """A figure that a decision leaves out, such as the limit of an unlimited customer, is null."""
    return dict.fromkeys(FIGURES) | (figures or {})


def _as_a_whole(body: dict[str, Any]) -> dict[str, Any]:
    """An answer about an order leaves out what it has nothing to say on: that is null."""
    return dict.fromkeys(DECIDED) | body if "decision" in body else body


async def _explained(play: Play, expect: Expect, done: Done) -> Lines:
    if expect.explains is None and expect.to_pass is None:
        return
    body = done.reply.body if done.reply is not None and isinstance(done.reply.body, dict) else {}
    number = body.get("decision") or play.made.get("decision")
    told = {**body}
    if number is not None:
        told |= (play.must(await play.get(HOLD, f"/v1/decisions/{number}"), "the decision")).body
    if expect.explains is not None:
        sentences = told.get("sentences") or told.get("explanation") or []
        yield holds("explains", expect.explains, sentences, "explains")
    if expect.to_pass is not None:
        yield holds("to_pass", expect.to_pass, told.get("to_pass") or [], "to_pass")


async def _hold(play: Play, wanted: HoldExpected, done: Done, *where: str | int) -> Lines:
    order = wanted.order or done.order
    if order is None:
        yield Line("hold", "an order", "the step is about none; name it", where, False)
        return
    hold = await newest_hold(play, order, place_of(play, order, wanted.company, done.company))
    about = f"hold of {order}"
    if "exists" in wanted.model_fields_set or not wanted.model_fields_set - {"order", "company"} or hold is None:
        yield compare(f"{about}: exists", wanted.exists, hold is not None, *where, "exists")
    if hold is None or not wanted.exists:
        return
    active = sorted(r["reason"] for r in hold["reasons"] if r["active"])
    cleared = sorted(r["reason"] for r in hold["reasons"] if not r["active"])
    if wanted.cleared is not None:
        gone = set(wanted.cleared) <= set(cleared)
        yield Line(f"{about}: cleared", wanted.cleared, cleared, (*where, "cleared"), gone)
    if wanted.reasons is not None:
        yield compare(f"{about}: reasons", sorted(wanted.reasons), active, *where, "reasons")
    found = {"active": hold["active"], "primary": hold["primary_reason"], "workflow": hold["workflow_status"],
             "ready": hold["active"] and "ready_for_release" in active}  # fmt: skip
    for name, got in found.items():
        if (value := getattr(wanted, name)) is not None:
            yield compare(f"{about}: {name}", value, got, *where, name)
    for line in subset(about, wanted.fields, dict.fromkeys(HOLD_ENDED) | hold, *where, "fields"):
        yield line
    if wanted.to_pass is not None:
        path = f"/v1/holds/{hold['hold']}/to-pass"
        items = (play.must(await play.get(HOLD, path), "what it takes")).body["items"]
        yield holds(f"{about}: to_pass", wanted.to_pass, [item["to_pass"] for item in items], *where, "to_pass")


async def _exposure(play: Play, wanted: ExposureExpected, done: Done, *where: str | int) -> Lines:
    if wanted.credit_group is not None:
        whose, path = wanted.credit_group, f"/v1/credit-groups/{play.names.name(wanted.credit_group)}/exposure"
    else:
        near = done.company if wanted.customer is None else None
        company, whose = play.setting.party(wanted.customer or done.customer, wanted.company or near)
        path = f"/v1/exposures/{play.names.name(company)}/{whose}"
    reply = await play.get(CREDIT, path)
    if not reply.ok:
        yield _refusal(f"exposure of {whose}", reply, *where)
        return
    for line in subset(f"exposure of {whose}", wanted.fields, reply.body, *where, "fields"):
        yield line


async def _journal(play: Play, wanted: JournalExpected) -> Lines:
    number = play.made.get("journal")
    if number is None or not wanted.model_fields_set:
        yield Line("journal", "one that was made", number or NOTHING, ("journal",), number is not None)
    if number is None:
        return
    for line in subset("journal", wanted.fields, await journals.read(play, number), "journal", "fields"):
        yield line
    if wanted.lines is not None:
        yield compare("journal: lines", wanted.lines, await journals.lines(play, number), "journal", "lines")


async def _rows(play: Play, wanted: ListExpected, user: str | None) -> tuple[Reply, list[dict[str, Any]]]:
    """The last answer, and the rows of the scenario's companies on all pages; on one when `limit` says so."""
    params = {name: str(value).lower() if isinstance(value, bool) else value for name, value in wanted.params.items()}
    if "company" in params:
        params["company"] = play.names.name(str(params["company"]))
    if wanted.path == "/v1/holds":
        params = {"sort": "-hold", "limit": PAGE, **params}
    path, found = await in_path(play, wanted.path), []
    while True:
        reply = await play.get(wanted.service, f"{path}?{urlencode(params, quote_via=quote)}", user)
        body = reply.body if isinstance(reply.body, dict) else {}
        found += [item for item in body.get("items", ()) if play.is_own(item.get("company"))]
        following = body.get("next_cursor")
        if following is None or "limit" in wanted.params:
            return reply, found
        params["cursor"] = following


def _asker(wanted: ListExpected | GetExpected, user: str | None) -> str | None:
    return wanted.user if "user" in wanted.model_fields_set else user


async def _list(play: Play, wanted: ListExpected, user: str | None, *where: str | int) -> Lines:
    reply, items = await _rows(play, wanted, _asker(wanted, user))
    about = f"list {wanted.path}"
    if wanted.status is not None:
        yield compare(f"{about}: status", wanted.status, reply.status, *where, "status")
    elif not reply.ok:
        yield _refusal(about, reply, *where)
    if not reply.ok:
        return
    if "items" not in (reply.body if isinstance(reply.body, dict) else {}):
        yield Line(about, "a list", "something else; expect it with get", where, False)
        return
    if not wanted.model_fields_set & {"status", "count", "orders", "rows", "without"}:
        yield Line(about, "taken", "taken", where, True)
    if wanted.count is not None:
        yield compare(f"{about}: count", wanted.count, len(items), *where, "count")
    if wanted.orders is not None:
        found = sorted(str(item.get("order")) for item in items)
        yield compare(f"{about}: orders", sorted(wanted.orders), found, *where, "orders")
    if wanted.rows is not None:
        yield compare(f"{about}: rows", wanted.rows, items, *where, "rows")
    if wanted.without is not None:
        named = {str(item[name]) for item in items for name in ("order", "customer", "hold", "id") if item.get(name)}
        yield Line(f"{about}: without", wanted.without, sorted(named), (*where, "without"), wanted.without not in named)


async def _get(play: Play, wanted: GetExpected, user: str | None, *where: str | int) -> Lines:
    reply = await play.get(wanted.service, await in_path(play, wanted.path), _asker(wanted, user))
    if wanted.status is not None or (reply.ok and not wanted.fields):
        yield compare(f"{wanted.path}: status", wanted.status or 200, reply.status, *where, "status")
    elif not reply.ok:
        yield _refusal(wanted.path, reply, *where)
        return
    for line in subset(wanted.path, wanted.fields, reply.body, *where, "fields"):
        yield line


async def _counts(play: Play, expect: Expect) -> Lines:
    if expect.holds is not None:
        reply, own = await _rows(play, ListExpected(), None)
        play.must(reply, "the list of holds")
        yield compare("active holds", expect.holds, len(own), "holds")
    if expect.events is None and expect.event_counts is None:
        return
    found = await play.published()
    if expect.events is not None:
        yield exactly(expect.events, found)
    for kind, count in (expect.event_counts or {}).items():
        got = sum(event.kind == kind for event in found)
        yield compare(f"events {kind}", count, got, "event_counts", kind)
