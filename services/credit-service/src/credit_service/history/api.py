"""Who changed which limit, when, from what to what, by which door and why (spec 1.12, 5)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from credit_service.groups.store import read_group
from credit_service.history import store
from credit_service.paths import Code, Customer, Named
from credit_service.profiles.changing import company_of
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import Company, see
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1", tags=["lists"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Source = Annotated[str | None, Query(max_length=30, pattern=r"^[a-z-]+$", description="manual, approved, journal, ...")]
Field = Annotated[
    str | None,
    Query(max_length=40, pattern=r"^[a-z_]+$", description="credit_limit, temporary_limit, unlimited_credit, ..."),
]


@router.get(
    "/limit-changes",
    operation_id="listLimitChanges",
    responses={200: {"description": "Changes of limits, the newest first"}, **responses()},
)
async def list_changes(
    request: Request, caller: Reader, company: Named = None, customer: Named = None, credit_group: Named = None,
    source: Source = None, field: Field = None, cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Permanent and temporary limits of customers and credit groups, memberships, and the switches that lift limits.

    A change of a group is seen by the company that owns it.
    """
    chosen = company, customer, credit_group, source, field
    return shown(await _changes(request, caller.company_filter(), *chosen, cursor, limit))


@router.get(
    "/credit-profiles/{company}/{customer}/limit-history",
    operation_id="listLimitHistory",
    responses={200: {"description": "Changes of the limit, the newest first"}, **responses(404)},
)
async def list_history(
    request: Request, company: Company, customer: Customer, caller: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Who changed the customer's limits, when, from what to what, and why."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        await company_of(work, company)
    return shown(await _changes(request, None, company, customer, None, None, None, cursor, limit))


@router.get(
    "/credit-groups/{name}/limit-history",
    operation_id="listGroupLimitHistory",
    responses={200: {"description": "Changes of the shared limit, the newest first"}, **responses(404)},
)
async def list_group_history(
    request: Request, name: Code, caller: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Who changed the limit that a credit group shares, and who joined or left of the caller's companies."""
    async with transaction(request.app.state.pool, clock=False) as work:
        group = await read_group(work, name)
    if group is None or not caller.sees(group.owner_company):
        raise not_found(f"credit group {name}")
    return shown(await _changes(request, caller.company_filter(), None, None, name, None, None, cursor, limit))


async def _changes(
    request: Request, companies: list[str] | None, company: str | None, customer: str | None, group: str | None,
    source: str | None, field: str | None, cursor: str | None, limit: int,
) -> dict[str, Any]:  # fmt: skip
    (before,) = decode_cursor(cursor, int) or (None,)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_history(
            work, companies, company, customer, group, source, field, before, limit + 1
        )  # fmt: skip
    kept, following = page(rows, limit, lambda row: (row["id"],))
    items = [
        {name: value for name, value in row.items() if name not in ("id", "currency")}
        | {name: money(row[name], row["currency"]) for name in ("old_limit", "new_limit")} for row in kept
    ]  # fmt: skip
    return {"items": items, "next_cursor": following}
