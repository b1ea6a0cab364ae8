"""What the routes that import and export CSV have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from credit_service.tables.files import MOST_BYTES, MOST_LINES, read, written
from credit_service.tables.model import Read, Table
from credit_service.tables.reporting import Wish
from holdfast.contracts.scalars import CompanyId
from holdfast.database.work import Work, transaction
from holdfast.web.auth import Caller
from holdfast.web.bodies import read_body
from holdfast.web.changes import answer, once
from holdfast.web.idempotency import Answer
from holdfast.web.paths import see
from holdfast.web.problems import responses

PAGE = 2_000
Reason = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="why; kept in the audit trail")]
Rows = Sequence[Sequence[str]]
NextPage = Callable[[Work, Any], Awaitable[tuple[Rows, Any]]]
"""Rows after a place (None: the first), and the place after them; None when there are no more."""


def _wish(
    company: CompanyId, dry_run: Annotated[bool, Query(description="tell, and change nothing")] = False,
    all_or_nothing: Annotated[bool, Query(description="one refused line refuses the file")] = False,
    reason: Reason = None,
    confirm_group_limit: Annotated[bool, Query(description="an own limit of 0 leaves the group's alone")] = False,
    confirm_unknown_customer: Annotated[bool, Query(description="the ERP will tell of new customers later")] = False,
) -> Wish:  # fmt: skip
    return Wish(company, "", dry_run, all_or_nothing, reason, confirm_group_limit, confirm_unknown_customer)


Options = Annotated[Wish, Depends(_wish)]


def import_document(table: Table, example: str) -> dict[str, Any]:
    """What the document says of an import route."""
    said = f"CSV in UTF-8, at most {MOST_LINES} lines. Columns: {', '.join(table.columns)}."
    content = {"text/csv": {"schema": {"type": "string", "description": said}, "example": example}}
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
        "responses": {200: {"description": "What becomes of every line"}, **responses(404, 409, 413)},
    }


EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The table", "content": {"text/csv": {"schema": {"type": "string"}}}}, **responses(),
}  # fmt: skip


async def import_file(
    request: Request, caller: Caller, key: str | None, table: Table, given: Wish,
    act_on: Callable[[Work, Read, Wish], Awaitable[dict[str, Any]]],
) -> Response:  # fmt: skip
    """Read the file and let `act_on` do what it says, once. Raises Problem 404, 413 or 422 before anything is done."""
    see(caller, given.company)
    wish = replace(given, who=caller.subject)
    body = await read_body(request, MOST_BYTES)
    found = await asyncio.to_thread(read, body, table)

    async def act(work: Work) -> Answer:
        return answer(await act_on(work, found, wish))

    return await once(request, caller, key, act, body)


async def export_file(request: Request, table: Table, name: str, next_page: NextPage) -> Response:
    """A table as a file, never whole in memory. Each page is read by itself, so that a slow reader holds nothing."""

    async def text() -> AsyncIterator[str]:
        yield written([table.columns])
        place, more = None, True
        while more:
            async with transaction(request.app.state.pool) as work:
                rows, place = await next_page(work, place)
            yield written(rows)
            more = place is not None

    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(text(), media_type="text/csv; charset=utf-8", headers=headers)
