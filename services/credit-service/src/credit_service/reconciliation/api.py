"""The ERP's control totals beside our own figures over HTTP, and what the periodic comparison has found."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from credit_service.paths import Named
from credit_service.reconciliation import store
from credit_service.reconciliation.model import Compared
from credit_service.tasks.store import next_customers
from holdfast.contracts.scalars import ONE_WORD
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1", tags=["reconciliation"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
OneCompany = Annotated[str, Query(max_length=20, pattern=ONE_WORD)]


@router.get(
    "/reconciliation",
    operation_id="reconcile",
    responses={200: {"description": "Reported and computed balances"}, **responses(404)},
)
async def reconcile(
    request: Request, caller: Reader, company: OneCompany, only_differences: bool = False, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """The ERP's last control totals beside our own figures at the end of the day they speak of, currency by currency.

    A page is of so many customers: with `only_differences` it may be empty though another one follows. `differences`
    counts those of the page. Of a customer on whom the ERP has never reported our figure is that of now.
    """
    see(caller, company)
    (after,) = decode_cursor(cursor, str) or (None,)
    async with transaction(request.app.state.pool, isolation="repeatable_read") as work:
        customers = await next_customers(work, company, None, after, limit + 1)
        kept, following = page(customers, limit, lambda customer: (customer,))
        found = await store.compare(work, company, kept)
    items = [_shown(one) for one in found if not (only_differences and one.agrees)]
    return shown({"items": items, "differences": sum(not one.agrees for one in found), "next_cursor": following})


def _shown(c: Compared) -> dict[str, Any]:
    return {
        "customer": c.customer, "as_of": c.as_of, "reported": money(c.reported, c.currency),
        "computed": money(c.computed, c.currency), "agrees": c.agrees,
    }  # fmt: skip


@router.get(
    "/reconciliation-findings",
    operation_id="listReconciliationFindings",
    responses={200: {"description": "Findings, the newest first"}, **responses()},
)
async def list_findings(
    request: Request, caller: Reader, company: Named = None, customer: Named = None,
    closed: Annotated[bool, Query(description="also those that agree by now")] = False,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Balances that differ from the ERP's control total, with the documents that we had open on that day.

    Nothing is corrected: a finding is closed by the next comparison once the ERP has sent what lacks.
    """
    (before,) = decode_cursor(cursor, int) or (None,)
    async with transaction(request.app.state.pool, clock=False) as work:
        seen = caller.company_filter()
        rows = await store.page_of_findings(work, seen, company, customer, closed, before, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["id"],))
    return shown({"items": [_shown_finding(row) for row in kept], "next_cursor": following})


def _shown_finding(row: asyncpg.Record) -> dict[str, Any]:
    code = row["currency"]
    amounts = {name: money(row[name], code) for name in ("reported", "computed")}
    documents = [d | {"open_amount": {"amount": d["open_amount"], "currency": code}} for d in row["documents"]]
    return {
        name: row[name] for name in ("company", "customer", "as_of", "report_version", "found_at", "closed_at")
    } | amounts | {"documents": documents}  # fmt: skip
