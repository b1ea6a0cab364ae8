"""Parameters of a company over HTTP; what others need is published."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.parameters.changing import change, shown_parameters
from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_parameters
from holdfast.approvals.api import shown_approval
from holdfast.approvals.model import State
from holdfast.database.work import Work, transaction
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, check_if_match
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/credit-parameters", tags=["parameters"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("parameters:maintain"))]


@router.get(
    "/{company}",
    operation_id="getCreditParameters",
    responses={200: {"description": "The parameters"}, **responses(404)},
)
async def get_parameters(request: Request, company: Company, caller: Reader) -> Response:
    """All parameters of a company, with their ETag; version 0 are the defaults."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        kept = await read_parameters(work, company)
    return shown(shown_parameters(company, kept), kept.version)


@router.put(
    "/{company}",
    operation_id="setCreditParameters",
    responses={200: {"description": "The parameters"}, 202: {"description": "Waits for approval"},
               **responses(404, 409, 412, 428)},
)  # fmt: skip
async def set_parameters(
    request: Request,
    company: Company,
    given: Parameters,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set all parameters; those left out get their default. If-Match \"0\" for a company never set up.

    What lets customers owe more waits for approval (202) once such a workflow is active.
    """
    see(caller, company)

    async def act(work: Work) -> Answer:
        before = await read_parameters(work, company, lock=True)
        check_if_match(if_match, before.version)
        asked = await change(work, company, before, given, caller.subject)
        kept = await read_parameters(work, company)
        body = shown_parameters(company, kept)
        if asked is not None and asked["state"] != State.COMPLETED:
            return answer(body | {"approval": shown_approval(asked, caller)}, 202, kept.version)
        return answer(body, version=kept.version)

    return await once(request, caller, idempotency_key, act)
