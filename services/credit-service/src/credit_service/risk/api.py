"""Scoring groups and risk groups over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.paths import Code
from credit_service.risk import store
from credit_service.risk.bodies import (
    RiskGroupBody,
    ScoringGroupBody,
    risk_group,
    scoring_group,
    shown_risk_group,
    shown_scoring_group,
)
from credit_service.risk.store import Kept, KeptClass
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, check_put
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import Problem, field_problem, not_found, responses

router = APIRouter(prefix="/v1", tags=["risk"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("risk:maintain"))]
WRITTEN = {200: {"description": "As it is now"}, 201: {"description": "Created"}, **responses(404, 409, 412, 428)}
GONE = {204: {"description": "Removed"}, **responses(404, 409, 412, 428)}


@router.get(
    "/scoring-groups/{company}",
    operation_id="listScoringGroups",
    responses={200: {"description": "All of them"}, **responses(404)},
)
async def list_scoring_groups(request: Request, company: Company, caller: Reader) -> Response:
    """The scoring groups of a company; a warning names each gap between ranges."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        found = await store.scoring_groups(work, company)
    return shown({"items": [shown_scoring_group(kept) for kept in found]})


@router.get(
    "/scoring-groups/{company}/{group}",
    operation_id="getScoringGroup",
    responses={200: {"description": "The scoring group"}, **responses(404)},
)
async def get_scoring_group(request: Request, company: Company, group: Code, caller: Reader) -> Response:
    """One scoring group, with its ETag."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        found = await store.scoring_groups(work, company, group)
    if not found:
        raise not_found(f"scoring group {company}/{group}")
    return shown(shown_scoring_group(found[0]), found[0].version)


@router.put("/scoring-groups/{company}/{group}", operation_id="setScoringGroup", responses=WRITTEN)
async def set_scoring_group(
    request: Request,
    company: Company,
    group: Code,
    given: ScoringGroupBody,
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set a scoring group; scores follow with the next update of scores. It keeps its `group_type`."""
    see(caller, company)
    wanted = scoring_group(group, given)

    async def act(work: Work) -> Answer:
        await store.lock_setup(work, company)
        before = next(iter(await store.scoring_groups(work, company, group)), None)
        check_put("scoring group", before.version if before else None, if_match, if_none_match)
        if before and (before.group.group_type, before.group.is_numeric) != (wanted.group_type, wanted.is_numeric):
            raise field_problem(
                422, "invalid", "The request is not valid", "group_type", str(given.group_type),
                "a scoring group keeps its type, and whether its values are numbers", "Make a new one.",
            )  # fmt: skip
        after = Kept(wanted, given.description, before.version + 1 if before else 1)
        await store.write_scoring_group(work, company, after)
        state = shown_scoring_group(after)
        await _audit(work, caller, "scoring-group", company, shown_scoring_group(before) if before else None, state)
        return answer(state, 200 if before else 201, after.version)

    return await once(request, caller, idempotency_key, act)


@router.delete("/scoring-groups/{company}/{group}", operation_id="deleteScoringGroup", status_code=204, responses=GONE)
async def delete_scoring_group(
    request: Request,
    company: Company,
    group: Code,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove a scoring group that no automatic limit rule compares."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await store.lock_setup(work, company)
        before = next(iter(await store.scoring_groups(work, company, group)), None)
        if before is None:
            raise not_found(f"scoring group {company}/{group}")
        check_if_match(if_match, before.version)
        if await store.is_compared(work, company, group):
            raise Problem(
                409, "in-use", "Something refers to it", "An automatic limit rule compares it; change the rule first."
            )
        await store.delete_scoring_group(work, company, group)
        await _audit(work, caller, "scoring-group", company, shown_scoring_group(before), None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


@router.get(
    "/risk-groups/{company}",
    operation_id="listRiskGroups",
    responses={200: {"description": "All of them, lowest scores first"}, **responses(404)},
)
async def list_risk_groups(request: Request, company: Company, caller: Reader) -> Response:
    """The risk groups (classes) of a company."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        found = await store.risk_groups(work, company)
    return shown({"items": [shown_risk_group(kept) for kept in found]})


@router.get(
    "/risk-groups/{company}/{group}",
    operation_id="getRiskGroup",
    responses={200: {"description": "The risk group"}, **responses(404)},
)
async def get_risk_group(request: Request, company: Company, group: Code, caller: Reader) -> Response:
    """One risk group, with its ETag."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        found = _named(await store.risk_groups(work, company), group)
    if found is None:
        raise not_found(f"risk group {company}/{group}")
    return shown(shown_risk_group(found), found.version)


@router.put("/risk-groups/{company}/{group}", operation_id="setRiskGroup", responses=WRITTEN)
async def set_risk_group(
    request: Request,
    company: Company,
    group: Code,
    given: RiskGroupBody,
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set a risk group; customers are classified anew by the next update of scores."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await store.lock_setup(work, company)
        known = await store.risk_groups(work, company)
        before = _named(known, group)
        check_put("risk group", before.version if before else None, if_match, if_none_match)
        others = [kept.group.band for kept in known if kept.group.id != group]
        wanted = risk_group(group, given, others)
        after = KeptClass(wanted, given.description, given.indicator, before.version + 1 if before else 1)
        await store.write_risk_group(work, company, after)
        state = shown_risk_group(after)
        await _audit(work, caller, "risk-group", company, shown_risk_group(before) if before else None, state)
        return answer(state, 200 if before else 201, after.version)

    return await once(request, caller, idempotency_key, act)


@router.delete("/risk-groups/{company}/{group}", operation_id="deleteRiskGroup", status_code=204, responses=GONE)
async def delete_risk_group(
    request: Request,
    company: Company,
    group: Code,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove a risk group without automatic limits; its customers are classified anew by the next update of scores."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await store.lock_setup(work, company)
        before = _named(await store.risk_groups(work, company), group)
        if before is None:
            raise not_found(f"risk group {company}/{group}")
        check_if_match(if_match, before.version)
        if await store.gives_limits(work, company, group):
            raise Problem(
                409, "in-use", "Something refers to it", "An automatic limit rule is for it; remove the rule first."
            )
        await store.delete_risk_group(work, company, group)
        await _audit(work, caller, "risk-group", company, shown_risk_group(before), None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


def _named(known: list[KeptClass], group: str) -> KeptClass | None:
    return next((kept for kept in known if kept.group.id == group), None)


async def _audit(
    work: Work, caller: Caller, what: str, company: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    act = "deleted" if after is None else "changed"
    await audit.record(
        work, who=caller.subject, what=f"{what}.{act}", company=company, subject=(after or before or {})["id"],
        before=before, after=after,
    )  # fmt: skip
