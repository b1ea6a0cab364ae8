"""Credit profiles and permanent limits as CSV over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.paths import Named
from credit_service.profiles.importing import import_profiles
from credit_service.profiles.store import page_of_profiles
from credit_service.profiles.table import LIMITS, PROFILES, cells_of
from credit_service.tables.model import Read, Table
from credit_service.tables.reporting import Wish
from credit_service.tables.routes import EXPORTED, PAGE, Options, Rows, export_file, import_document, import_file
from holdfast.database.work import Work
from holdfast.web.auth import Caller, require
from holdfast.web.idempotency import IdempotencyKey

router = APIRouter(prefix="/v1", tags=["tables"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Importer = Annotated[Caller, Depends(require("limits:import"))]
PROFILE_EXAMPLE = "customer,credit_rating,next_review_date\r\nC-1001,A,2026-12-31\r\n"
LIMIT_EXAMPLE = "customer,version,credit_limit,credit_limit_expiry_date\r\nC-1001,3,12000.00,2026-12-31\r\n"


@router.get("/credit-profiles/export", operation_id="exportCreditProfiles", responses=EXPORTED)
async def export_profiles(request: Request, caller: Reader, company: Named = None) -> Response:
    """All fields of the profiles of the caller's companies, by company and customer."""
    return await _export(request, caller, company, PROFILES, "credit-profiles")


@router.get("/credit-limits/export", operation_id="exportCreditLimits", responses=EXPORTED)
async def export_limits(request: Request, caller: Reader, company: Named = None) -> Response:
    """The permanent limits of the caller's companies, by company and customer."""
    return await _export(request, caller, company, LIMITS, "credit-limits")


@router.post(
    "/credit-profiles/import", operation_id="importCreditProfiles", **import_document(PROFILES, PROFILE_EXAMPLE)
)
async def import_credit_profiles(
    request: Request, caller: Importer, options: Options, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make and change profiles from CSV, each line as a PUT of it would.

    A column that is not there leaves its field as it is, an empty cell clears it, a `version` that is given must be the
    profile's. What raises what a customer may owe waits for approval where the company has raises approved.
    """
    return await _import(request, caller, options, idempotency_key, PROFILES)


@router.post("/credit-limits/import", operation_id="importCreditLimits", **import_document(LIMITS, LIMIT_EXAMPLE))
async def import_credit_limits(
    request: Request, caller: Importer, options: Options, idempotency_key: IdempotencyKey = None
) -> Response:
    """Change permanent limits from CSV; where limits change by adjustments only, the lines become a draft journal.

    Else each line is taken as of a profile: raises wait for approval where the company has raises approved.
    """
    return await _import(request, caller, options, idempotency_key, LIMITS)


async def _export(request: Request, caller: Caller, company: str | None, table: Table, name: str) -> Response:
    async def rows_after(work: Work, after: tuple[str, str] | None) -> tuple[Rows, Any]:
        found = await page_of_profiles(work, caller.company_filter(), company, after, PAGE)
        cells = [[told[column] for column in table.columns] for told in map(cells_of, found)]
        return cells, (found[-1].company, found[-1].customer) if len(found) == PAGE else None

    return await export_file(request, table, name, rows_after)


async def _import(request: Request, caller: Caller, options: Wish, key: str | None, table: Table) -> Response:
    async def act_on(work: Work, found: Read, wish: Wish) -> dict[str, Any]:
        return await import_profiles(work, table, found, wish)

    return await import_file(request, caller, key, table, options, act_on)
