"""Lines of adjustment journals over HTTP, one by one and from a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from credit_service.adjustments import store
from credit_service.adjustments.api import Editor, Number, Reader
from credit_service.adjustments.bodies import LineBody
from credit_service.adjustments.deciding import decide_lines
from credit_service.adjustments.drafting import draft_journal, faults, must_be_valid
from credit_service.adjustments.importing import lines_of
from credit_service.adjustments.model import JournalType
from credit_service.adjustments.opening import must_be_open, must_not_be_posted, must_not_wait, opened
from credit_service.adjustments.own_currency import rates_into
from credit_service.adjustments.shown import shown_journal, shown_line
from credit_service.profiles.changing import company_of
from credit_service.tables.files import MOST_BYTES
from holdfast.approvals.api import NoteBody
from holdfast.approvals.many import Verdict
from holdfast.contracts.scalars import CompanyId
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.bodies import read_body
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/adjustments", tags=["adjustments"])
Approver = Annotated[Caller, Depends(require("approvals:decide"))]
Importer = Annotated[Caller, Depends(require("limits:import"))]
Place = Annotated[int, Path(ge=1, le=10**9)]


@router.get(
    "/{number}/lines", operation_id="listAdjustmentLines",
    responses={200: {"description": "A page of lines"}, **responses(404)},
)  # fmt: skip
async def list_lines(
    request: Request, number: Number, caller: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Lines of a journal in their order."""
    (after,) = decode_cursor(cursor, int) or (0,)
    async with transaction(request.app.state.pool) as work:
        journal = await opened(work, number, caller, lock=False)
        rows = await store.page_of_lines(work, number, min(after, 2**62), limit + 1)
        kept, following = page(rows, limit, lambda row: (row["line"],))
        items = await _shown(work, journal["company"], kept)
    return shown({"items": items, "next_cursor": following})


@router.post(
    "/{number}/lines", operation_id="addAdjustmentLine", status_code=201,
    responses={201: {"description": "Added"}, **responses(404, 409, 412)},
)  # fmt: skip
async def add_line(
    request: Request, number: Number, given: LineBody, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Add a line; it shows the limit that there is beside the new one."""

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match)
        return await _keep(work, journal, given, None, caller.subject)

    return await once(request, caller, idempotency_key, act)


@router.put(
    "/{number}/lines/{line}", operation_id="changeAdjustmentLine",
    responses={200: {"description": "Changed; it has a new number, the last one"}, **responses(404, 409, 412, 428)},
)  # fmt: skip
async def change_line(
    request: Request, number: Number, line: Place, given: LineBody, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Replace a line; If-Match names the version of the journal."""

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match, must_match=True)
        return await _keep(work, journal, given, line, caller.subject)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{number}/lines/{line}", operation_id="removeAdjustmentLine", status_code=204,
    responses={204: {"description": "Removed"}, **responses(404, 409, 412, 428)},
)  # fmt: skip
async def remove_line(
    request: Request, number: Number, line: Place, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Take a line out."""

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match, must_match=True)
        must_be_open(journal)
        await must_not_wait(work, journal)
        before = await _take_out(work, journal, line)
        await store.changed(work, number, caller.subject)
        await _audit(work, journal, caller.subject, before, None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


async def _decided(
    request: Request, number: str, given: NoteBody, caller: Caller, key: str | None, verdict: Verdict
) -> Response:
    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller)
        done = await decide_lines(work, journal, caller, verdict, given.note)
        after = await opened(work, number, caller)
        return answer(shown_journal(after) | done.shown, version=after["version"])

    return await once(request, caller, key, act)


DECIDED: dict[int | str, dict[str, Any]] = {
    200: {"description": "How many were decided, and which were left"}, **responses(404, 409),
}  # fmt: skip


@router.post("/{number}/lines/approve", operation_id="approveAdjustmentLines", responses=DECIDED)
async def approve_lines(
    request: Request, number: Number, given: NoteBody, caller: Approver, idempotency_key: IdempotencyKey = None
) -> Response:
    """Approve all lines that wait for the caller; those that are not theirs to decide are left, and it says why."""
    return await _decided(request, number, given, caller, idempotency_key, "approve")


@router.post("/{number}/lines/deny", operation_id="denyAdjustmentLines", responses=DECIDED)
async def deny_lines(
    request: Request, number: Number, given: NoteBody, caller: Approver, idempotency_key: IdempotencyKey = None
) -> Response:
    """Deny all lines that wait for the caller; those that are not theirs to decide are left, and it says why."""
    return await _decided(request, number, given, caller, idempotency_key, "deny")


async def _take_out(work: Work, journal: Any, line: int) -> dict[str, Any]:
    """The line as it was. Raises Problem 404 for a line that is not there, 409 for one that is posted."""
    row = await store.read_line(work, journal["number"], line)
    if row is None:
        raise not_found(f"line {line} of journal {journal['number']}")
    must_not_be_posted(posted=row["posted"])
    await store.remove_line(work, journal["number"], line)
    (body,) = await _shown(work, journal["company"], [row])
    return body


async def _audit(work: Work, journal: Any, who: str, before: Any, after: Any) -> None:
    await audit.record(
        work, who=who, what="adjustment.line-changed", company=journal["company"], subject=journal["number"],
        before=before, after=after,
    )  # fmt: skip


async def _keep(work: Work, journal: Any, given: LineBody, replaced: int | None, who: str) -> Answer:
    number, company, kind, line = journal["number"], journal["company"], JournalType(journal["type"]), given.line()
    must_be_open(journal)
    await must_not_wait(work, journal)
    before = None if replaced is None else await _take_out(work, journal, replaced)
    await must_be_valid(work, company, kind, [line], await store.subjects(work, number), number)
    (made,) = await store.add_lines(work, number, company, [line])
    version = await store.changed(work, number, who)
    row = await store.read_line(work, number, made)
    assert row is not None
    (body,) = await _shown(work, company, [row])
    await _audit(work, journal, who, before, body)
    return answer(body, 200 if replaced else 201, version)


async def _shown(work: Work, company: str, rows: Sequence[asyncpg.Record]) -> list[dict[str, Any]]:
    master = await company_of(work, company)
    rates = await rates_into(work, master, company, {row["own_currency"] for row in rows if row["own_currency"]})
    return [shown_line(row, master["currency"], rates) for row in rows]


@router.post(
    "/import", operation_id="importAdjustmentLines", status_code=201,
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}, "example":
        "customer,new_limit,new_from_date,new_to_date\nC-1001,12000.00,,2026-12-31\n"}}}},
    responses={200: {"description": "Dry run, or nothing could be taken"}, 201: {"description": "Drafted"},
               **responses(404, 409, 413)},
)  # fmt: skip
async def import_lines(
    request: Request, caller: Importer, company: CompanyId, type: JournalType = JournalType.PERMANENT,
    description: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "Imported",
    dry_run: bool = False, all_or_nothing: bool = False, idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Make a draft journal of a CSV of limits; nothing is granted by it.

    The answer tells of every line that was refused. `dry_run` drafts nothing; `all_or_nothing` drafts nothing when a
    line is refused.
    """
    see(caller, company)
    text = await read_body(request, MOST_BYTES)

    async def act(work: Work) -> Answer:
        read = lines_of(text, (await company_of(work, company))["currency"])
        found = await faults(work, company, type, [line for _, line in read.lines])
        refused = read.refused + [(read.lines[place][0], fault) for place, fault in found.items()]
        good = [line for place, (_, line) in enumerate(read.lines) if place not in found]
        report = {"lines": len(good), "refused": [
            {"line": n, "field": f.field, "value": f.value, "problem": f.problem, "remedy": f.remedy}
            for n, f in sorted(refused, key=lambda pair: pair[0])
        ]}  # fmt: skip
        if dry_run or not good or (all_or_nothing and refused):
            return answer(report | {"journal": None})
        number = await draft_journal(
            work, company, type, good, by=caller.subject, description=description, source="import"
        )
        row = await opened(work, number, caller)
        return answer(report | {"journal": shown_journal(row)}, 201, row["version"])

    return await once(request, caller, idempotency_key, act, text)
