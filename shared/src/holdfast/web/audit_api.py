"""The audit trail over HTTP, the same in every service: who changed what, when, from what to what, and why."""

from __future__ import annotations

from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/audit-trail", tags=["audit trail"])
Reader = Annotated[Caller, Depends(require("audit:see"))]
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]+$")]
PAGE = """
SELECT id, at, who, what, company, subject, before, after, why, correlation_id FROM audit_trail
WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
  AND ($3::text IS NULL OR subject = $3) AND ($4::text IS NULL OR what = $4) AND ($5::text IS NULL OR who = $5)
  AND ($6::date IS NULL OR at >= $6::date::timestamp AT TIME ZONE 'UTC')
  AND ($7::date IS NULL OR at < ($7::date + 1)::timestamp AT TIME ZONE 'UTC')
  AND ($8::bigint IS NULL OR id < $8) ORDER BY id DESC LIMIT $9
"""


@router.get("", operation_id="listAuditTrail", responses={200: {"description": "Entries, newest first"}, **responses()})
async def list_entries(
    request: Request, caller: Reader, company: Text = None, subject: Text = None, what: Text = None, who: Text = None,
    since: Annotated[BusinessDate | None, Query(alias="from", description="first day, UTC")] = None,
    until: Annotated[BusinessDate | None, Query(description="last day, UTC")] = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """What was changed in the caller's companies, the newest first; what belongs to no company needs all of them."""
    (before,) = decode_cursor(cursor, int) or (None,)
    chosen = company, subject, what, who, since, until
    async with transaction(request.app.state.pool, clock=False) as work:
        rows: list[asyncpg.Record] = await work.conn.fetch(PAGE, caller.company_filter(), *chosen, before, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["id"],))
    return shown({"items": [dict(row) for row in kept], "next_cursor": following})
