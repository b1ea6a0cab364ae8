"""Temporary limits over HTTP and as CSV: those that are active, and those to come. Adjustment journals make them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.paths import Named, date_and_id
from credit_service.tables.routes import EXPORTED, PAGE, Options, Rows, export_file, import_document, import_file
from credit_service.temporary import store
from credit_service.temporary.importing import import_temporary
from credit_service.temporary.table import TEMPORARY, cells_of
from holdfast.database.work import Work, transaction
from holdfast.platform.clock import earliest_date
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.idempotency import IdempotencyKey
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, page
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/temporary-limits", tags=["lists"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Importer = Annotated[Caller, Depends(require("limits:import"))]
EXAMPLE = "customer,amount,from_date,to_date\r\nC-1001,12000.00,2026-04-01,2026-06-30\r\n"


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


@router.get("/export", operation_id="exportTemporaryLimits", responses=EXPORTED)
async def export_temporary(request: Request, caller: Reader, company: Named = None) -> Response:
    """Temporary limits that have not ended, by their end."""

    async def rows_after(work: Work, after: tuple[date, UUID] | None) -> tuple[Rows, Any]:
        day = earliest_date(work.business_now)
        found = await store.page_of_temporary(work, caller.company_filter(), company, day, after, PAGE)
        cells = [[told[column] for column in TEMPORARY.columns] for told in map(cells_of, found)]
        return cells, (found[-1]["to_date"], found[-1]["id"]) if len(found) == PAGE else None

    return await export_file(request, TEMPORARY, "temporary-limits", rows_after)


@router.post("/import", operation_id="importTemporaryLimits", **import_document(TEMPORARY, EXAMPLE))
async def import_all(
    request: Request, caller: Importer, options: Options, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make a draft journal of a CSV of temporary limits: a line with an `id` replaces that limit, one without adds one.

    Nothing is granted before the journal is posted. What is there already needs no line in it.
    """
    return await import_file(request, caller, idempotency_key, TEMPORARY, options, import_temporary)
