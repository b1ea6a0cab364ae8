"""Balances, open items and days late at the end of any date over HTTP, by the dates of what was posted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from credit_service.paths import business_settings, date_and_document
from holdfast.contracts.scalars import ONE_WORD, BusinessDate
from holdfast.database.work import Work, transaction
from holdfast.platform.clock import local_date
from holdfast.receivables.as_of import (
    BalanceAsOf,
    Lateness,
    OpenItem,
    read_balances_as_of,
    read_customers_as_of,
    read_lateness_as_of,
    read_open_items_as_of,
)
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1", tags=["as of a date"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
OneCompany = Annotated[str, Query(alias="company", max_length=20, pattern=ONE_WORD)]
OneCustomer = Annotated[str, Query(alias="customer", max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
AsOf = Annotated[BusinessDate | None, Query(description="the end of this day; today of the company when absent")]


@router.get(
    "/balances",
    operation_id="listBalances",
    responses={200: {"description": "Customers with their balances and days late"}, **responses(404)},
)
async def list_balances(
    request: Request, caller: Reader, company: OneCompany, as_of: AsOf = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """What customers owed at the end of a day, what of it was overdue, and how late they had paid until then.

    A document counts from its date until it is cancelled or returned, a settlement from its date until it is reversed.
    `days_late` is the sum over the `paid` debits, each from its due date to its last settlement.
    """
    see(caller, company)
    (after,) = decode_cursor(cursor, str) or (None,)
    async with transaction(request.app.state.pool, isolation="repeatable_read") as work:
        on = await _day(work, company, as_of)
        customers = await read_customers_as_of(work, company, on, after, limit + 1)
        kept, following = page(customers, limit, lambda customer: (customer,))
        balances = await read_balances_as_of(work, company, on, kept)
        lateness = {found.customer: found for found in await read_lateness_as_of(work, company, on, kept)}
    items = [_customer(c, [b for b in balances if b.customer == c], lateness.get(c)) for c in kept]
    return shown({"company": company, "as_of": on, "items": items, "next_cursor": following})


@router.get(
    "/open-items",
    operation_id="listOpenItems",
    responses={200: {"description": "Documents that were open, by due date"}, **responses(404)},
)
async def list_open_items(
    request: Request, caller: Reader, company: OneCompany, customer: OneCustomer, as_of: AsOf = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Documents of a customer that were open at the end of a day; credits are negative and come without a due date."""
    see(caller, company)
    after = date_and_document(cursor)
    async with transaction(request.app.state.pool, isolation="repeatable_read") as work:
        on = await _day(work, company, as_of)
        found = await read_open_items_as_of(work, company, on, [customer])
    kept, following = page([item for item in found if after is None or _key(item) > after], limit, _shown_key)
    items = [
        {"document": item.document, "kind": item.kind, "document_date": item.document_date, "due_date": item.due_date,
         "open_amount": money(item.open_amount, item.currency), "days_overdue": item.days_overdue} for item in kept
    ]  # fmt: skip
    return shown({
        "company": company, "customer": customer, "as_of": on, "items": items, "next_cursor": following
    })  # fmt: skip


async def _day(work: Work, company: str, as_of: date | None) -> date:
    if as_of is not None:
        return as_of
    _, time_zone = await business_settings(work, company)
    return local_date(work.business_now, time_zone)


def _customer(customer: str, balances: Sequence[BalanceAsOf], late: Lateness | None) -> dict[str, Any]:
    return {
        "customer": customer,
        "balances": [
            {"balance": money(b.balance, b.currency), "open_items": b.open_items,
             "overdue_amount": money(b.overdue, b.currency), "days_overdue": b.days_overdue} for b in balances
        ],
        "paid": late.paid if late else 0, "days_late": late.days_late if late else 0,
        "most_days_late": late.worst if late else 0,
    }  # fmt: skip


def _key(item: OpenItem) -> tuple[date, str]:
    return item.due_date or date.max, item.document


def _shown_key(item: OpenItem) -> tuple[str, str]:
    due, document = _key(item)
    return due.isoformat(), document
