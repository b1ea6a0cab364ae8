"""Parameters of credit holds over HTTP (spec 1.20)."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from hold_service.parameters import store
from hold_service.parameters.model import HoldParameters
from hold_service.reasons.known import OF_PARAMETERS, must_exist
from hold_service.rechecks import store as rechecks
from hold_service.setups import store as setups
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/parameters", tags=["parameters"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
Keeper = Annotated[Caller, Depends(require("rules:maintain"))]


@router.get(
    "/{company}", operation_id="getParameters", responses={200: {"description": "All parameters"}, **responses(404)}
)
async def get_parameters(request: Request, company: Company, caller: Reader) -> Response:
    """How a company holds and releases orders, with its ETag; version 0 is all defaults."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        shown = _shown(company, await store.read_parameters(work, company))
    return Response(to_json(shown), media_type="application/json", headers={"etag": etag(shown["version"])})


@router.put(
    "/{company}",
    operation_id="setParameters",
    responses={200: {"description": "All parameters"}, **responses(404, 409, 412, 428)},
)
async def set_parameters(
    request: Request,
    company: Company,
    given: HoldParameters,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Replace the parameters; what is left out gets its default. Held orders of the company are decided again."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await setups.lock(work, company)
        before = _shown(company, await store.read_parameters(work, company))
        check_if_match(if_match, before["version"])
        await _check_reasons(work, company, given)
        settings = given.model_dump(mode="json")
        version = await store.write_parameters(work, company, settings)
        after = {"company": company, **settings, "version": version}
        await audit.record(
            work, who=caller.subject, what="parameters.changed", company=company, subject=company,
            before=before, after=after,
        )  # fmt: skip
        await rechecks.mark_company(work, company)
        return answer(after, version=version)

    return await once(request, caller, idempotency_key, act)


async def _check_reasons(work: Work, company: str, given: HoldParameters) -> None:
    """What holds end with by themselves are release reasons of the company (spec 1.4). Raises Problem 422."""
    for field in OF_PARAMETERS:
        if (reason := getattr(given, field)) is not None:
            await must_exist(work, company, "release", reason, field)


def _shown(company: str, row: asyncpg.Record | None) -> dict[str, Any]:
    given = HoldParameters.model_validate(row["settings"] if row else {})
    return {"company": company, **given.model_dump(mode="json"), "version": row["version"] if row else 0}
