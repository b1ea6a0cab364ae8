"""Temporary limits over HTTP: those that are active, and those to come. They are made by adjustment journals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.paths import Named, date_and_id
from credit_service.temporary import store
from holdfast.database.work import transaction
from holdfast.platform.clock import earliest_date
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, page
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/temporary-limits", tags=["lists"])
Reader = Annotated[Caller, Depends(require("credit:see"))]


@router.get(
    "",
    operation_id="listTemporaryLimits",
    responses={200: {"description": "Temporary limits by their end"}, **responses()},
)
async def list_temporary(
    request: Request, caller: Reader, company: Named = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Temporary limits that have not ended, of customers of the caller's companies and of groups that they own."""
    after = date_and_id(cursor)
    async with transaction(request.app.state.pool) as work:
        day = earliest_date(work.business_now)
        rows = await store.page_of_temporary(work, caller.company_filter(), company, day, after, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["to_date"].isoformat(), str(row["id"])))
    items = [
        {name: row[name] for name in ("company", "customer", "credit_group", "from_date", "to_date", "journal")}
        | {"id": str(row["id"]), "amount": money(row["amount"], row["currency"])} for row in kept
    ]  # fmt: skip
    return shown({"items": items, "next_cursor": following})
