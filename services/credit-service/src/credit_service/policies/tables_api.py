"""Policies as CSV over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.paths import Named
from credit_service.policies.importing import import_policies
from credit_service.policies.store import page_of_policies
from credit_service.policies.table import POLICIES, cells_of
from credit_service.tables.routes import EXPORTED, PAGE, Options, Rows, export_file, import_document, import_file
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import Work
from holdfast.web.auth import Caller, require
from holdfast.web.idempotency import IdempotencyKey

router = APIRouter(prefix="/v1/policies", tags=["tables"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("policies:maintain"))]
EXAMPLE = (
    "customer,kind,type,insurer_guarantor,effective_from,expires_on,value,currency,update_credit_limit_pct\r\n"
    "C-1001,insurance,CREDIT,Euler,2026-01-01,2026-12-31,50000.00,EUR,50\r\n"
)


@router.get("/export", operation_id="exportPolicies", responses=EXPORTED)
async def export_policies(
    request: Request, caller: Reader, company: Named = None, customer: Named = None,
    expires_from: BusinessDate | None = None, expires_until: BusinessDate | None = None,
) -> Response:  # fmt: skip
    """All fields of the policies of the caller's companies, those that expire first."""

    async def rows_after(work: Work, after: tuple[date, UUID] | None) -> tuple[Rows, Any]:
        expires = (expires_from, expires_until)
        found = await page_of_policies(work, caller.company_filter(), company, customer, expires, after, PAGE)
        cells = [[told[column] for column in POLICIES.columns] for told in map(cells_of, found)]
        return cells, (found[-1]["expires_on"], found[-1]["id"]) if len(found) == PAGE else None

    return await export_file(request, POLICIES, "policies", rows_after)


@router.post("/import", operation_id="importPolicies", **import_document(POLICIES, EXAMPLE))
async def import_all(
    request: Request, caller: Keeper, options: Options, idempotency_key: IdempotencyKey = None
) -> Response:
    """Add and change policies from CSV: a line with an `id` changes that policy, one without adds a policy.

    A line without an id that is a policy of the customer in every field adds nothing. What raises a limit waits for
    approval where the company has raises approved.
    """
    return await import_file(request, caller, idempotency_key, POLICIES, options, import_policies)
