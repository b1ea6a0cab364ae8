"""Parameters of a company over HTTP; what others need is published."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from credit_service.parameters.model import PUBLISHED, Parameters
from credit_service.parameters.store import Kept, read_parameters, write_parameters
from holdfast.bus import outbox
from holdfast.contracts.credit import ParametersChanged
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, check_if_match, check_written
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/credit-parameters", tags=["parameters"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("parameters:maintain"))]
Company = Annotated[str, Path(max_length=20, pattern=r"^[^/\s\x00]+$")]


@router.get(
    "/{company}",
    operation_id="getCreditParameters",
    responses={200: {"description": "The parameters"}, **responses(404)},
)
async def get_parameters(request: Request, company: Company, caller: Reader) -> Response:
    """All parameters of a company, with their ETag; version 0 are the defaults."""
    _see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        kept = await read_parameters(work, company)
    return shown(_shown(company, kept), kept.version)


@router.put(
    "/{company}",
    operation_id="setCreditParameters",
    responses={200: {"description": "The parameters"}, **responses(404, 409, 412, 428)},
)
async def set_parameters(
    request: Request,
    company: Company,
    given: Parameters,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set all parameters; those left out get their default. If-Match \"0\" for a company never set up."""
    _see(caller, company)

    async def act(work: Work) -> Answer:
        before = await read_parameters(work, company, lock=True)
        check_if_match(if_match, before.version)
        after = Kept(given, before.version + 1)
        check_written(await write_parameters(work, company, after))
        await audit.record(
            work, who=caller.subject, what="credit-parameters.changed", company=company, subject=company,
            before=_shown(company, before), after=_shown(company, after),
        )  # fmt: skip
        await _publish(work, company, after, caller.subject)
        return answer(_shown(company, after), version=after.version)

    return await once(request, caller, idempotency_key, act)


async def _publish(work: Work, company: str, kept: Kept, by: str) -> None:
    fields = kept.parameters.model_dump(include=set(PUBLISHED))
    event = ParametersChanged(
        company=company, sequence=1, version=kept.version, changed_at=work.business_now, changed_by=by, **fields
    )
    await outbox.emit(work, [event])


def _shown(company: str, kept: Kept) -> dict[str, Any]:
    return {"company": company, **kept.parameters.model_dump(mode="json"), "version": kept.version}


def _see(caller: Caller, company: str) -> None:
    if not caller.sees(company):
        raise not_found(f"company {company}")
