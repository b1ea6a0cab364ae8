"""Rankings of payment terms and cash discounts over HTTP (spec 1.13): only the order of the numbers matters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from hold_service.rankings import store
from hold_service.rechecks import store as rechecks
from hold_service.setups import store as setups
from holdfast.contracts.base import Code
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/rankings", tags=["rankings"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
Keeper = Annotated[Caller, Depends(require("rules:maintain"))]
Subject = Literal["payment-terms", "cash-discounts"]
Rank = Annotated[int, Field(ge=0, le=9999)]


class RankingBody(BaseModel):
    """Code to rank: a higher rank is the more generous term or discount; equal ranks are allowed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ranks": {"N30": 1, "N60": 2}}]})

    ranks: dict[Code, Rank] = Field(max_length=1000)


@router.get("/{company}/{subject}", operation_id="getRanking", responses={200: {"description": "It"}, **responses(404)})
async def get_ranking(request: Request, company: Company, subject: Subject, caller: Reader) -> Response:
    """A ranking with its ETag; version 0 was never set up."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        shown = _shown(company, subject, await store.read_ranking(work, company, _column(subject)))
    return Response(to_json(shown), media_type="application/json", headers={"etag": etag(shown["version"])})


@router.put(
    "/{company}/{subject}",
    operation_id="setRanking",
    responses={200: {"description": "It"}, **responses(404, 409, 412, 428)},
)
async def set_ranking(
    request: Request,
    company: Company,
    subject: Subject,
    given: RankingBody,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Replace a ranking. What has no rank is not higher than anything. Held orders are decided again."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await setups.lock(work, company)
        before = _shown(company, subject, await store.read_ranking(work, company, _column(subject)))
        check_if_match(if_match, before["version"])
        version = await store.write_ranking(work, company, _column(subject), given.ranks)
        after = {"company": company, "subject": subject, "ranks": given.ranks, "version": version}
        await audit.record(
            work, who=caller.subject, what="ranking.changed", company=company, subject=subject,
            before=before, after=after,
        )  # fmt: skip
        await rechecks.mark_company(work, company)
        return answer(after, version=version)

    return await once(request, caller, idempotency_key, act)


def _column(subject: Subject) -> str:
    return subject.replace("-", "_")


def _shown(company: str, subject: str, row: asyncpg.Record | None) -> dict[str, Any]:
    known = {"ranks": row["ranks"], "version": row["version"]} if row else {"ranks": {}, "version": 0}
    return {"company": company, "subject": subject, **known}
