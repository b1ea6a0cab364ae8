"""Automatic limit rules over HTTP, and what they propose for each customer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from credit_service.automatic import store
from credit_service.automatic.bodies import Groups, RuleBody, rule_of, shown_proposal, shown_rule
from credit_service.automatic.model import Outcome
from credit_service.automatic.proposing import Chosen, page_of_proposals
from credit_service.automatic.store import Kept
from credit_service.paths import Code, CodeFilter, Named, business_settings
from credit_service.risk.store import lock_setup, risk_groups, scoring_groups
from holdfast.contracts.scalars import Currency
from holdfast.database.work import Work, transaction
from holdfast.platform.clock import local_date
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, check_put
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import Company, see
from holdfast.web.problems import field_problem, not_found, responses

router = APIRouter(prefix="/v1", tags=["automatic limits"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("automatic-limits:maintain"))]
Own = Annotated[Currency, Path(description="currency of the customers, and of all amounts of the rule")]
RULE = "/automatic-limit-rules/{company}/{risk_group}/{currency}"
PREVIEWED = (
    Outcome.PROPOSED, Outcome.EXCLUDED, Outcome.UNLIMITED, Outcome.NO_MASTER_DATA, Outcome.UNCLASSIFIED,
    Outcome.NO_RULE, Outcome.REVENUE_ABOVE_MAXIMUM, Outcome.NO_MATCH, Outcome.RATE_MISSING,
)  # fmt: skip
OutcomeFilter = Annotated[str | None, Query(pattern=f"^({'|'.join(PREVIEWED)})$", description="only these")]


@router.get(
    "/automatic-limit-rules/{company}",
    operation_id="listAutomaticLimitRules",
    responses={200: {"description": "All of them"}, **responses(404)},
)
async def list_rules(request: Request, company: Company, caller: Reader) -> Response:
    """The rules of a company by risk group and currency; a warning names each line that cannot match."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        groups = await _groups(work, company)
        found = await store.rules_of(work, company)
    return shown({"items": [shown_rule(kept, groups) for kept in found]})


@router.get(RULE, operation_id="getAutomaticLimitRule", responses={200: {"description": "The rule"}, **responses(404)})
async def get_rule(request: Request, company: Company, risk_group: Code, currency: Own, caller: Reader) -> Response:
    """One rule, with its ETag."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        groups = await _groups(work, company)
        found = await store.rules_of(work, company, risk_group, currency)
    if not found:
        raise not_found(f"automatic limit rule {company}/{risk_group}/{currency}")
    return shown(shown_rule(found[0], groups), found[0].version)


@router.put(
    RULE,
    operation_id="setAutomaticLimitRule",
    responses={200: {"description": "As it is now"}, 201: {"description": "Created"}, **responses(404, 409, 412, 428)},
)
async def set_rule(
    request: Request,
    company: Company,
    risk_group: Code,
    currency: Own,
    given: RuleBody,
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set the rule for the customers of a risk group with a currency; limits follow when they are next generated."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await lock_setup(work, company)
        before = next(iter(await store.rules_of(work, company, risk_group, currency)), None)
        check_put("automatic limit rule", before.version if before else None, if_match, if_none_match)
        if risk_group not in {kept.group.id for kept in await risk_groups(work, company)}:
            raise field_problem(
                422, "invalid", "The request is not valid", "risk_group", risk_group, "does not exist in this company",
                "Name a risk group of GET /v1/risk-groups.",
            )  # fmt: skip
        groups = await _groups(work, company)
        after = Kept(rule_of(risk_group, currency, given, groups), before.version + 1 if before else 1)
        await store.write_rule(work, company, after)
        state = shown_rule(after, groups)
        await _audit(work, caller, company, shown_rule(before, groups) if before else None, state)
        return answer(state, 200 if before else 201, after.version)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    RULE,
    operation_id="deleteAutomaticLimitRule",
    status_code=204,
    responses={204: {"description": "Removed"}, **responses(404, 409, 412, 428)},
)
async def delete_rule(
    request: Request,
    company: Company,
    risk_group: Code,
    currency: Own,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove a rule; limits that it has given stay."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await lock_setup(work, company)
        before = next(iter(await store.rules_of(work, company, risk_group, currency)), None)
        if before is None:
            raise not_found(f"automatic limit rule {company}/{risk_group}/{currency}")
        check_if_match(if_match, before.version)
        await store.delete_rule(work, company, risk_group, currency)
        await _audit(work, caller, company, shown_rule(before, await _groups(work, company)), None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


@router.get(
    "/automatic-limits/{company}",
    operation_id="previewAutomaticLimits",
    responses={200: {"description": "A page of customers"}, **responses(404)},
)
async def preview(
    request: Request,
    company: Company,
    caller: Reader,
    customer: Named = None,
    risk_group: CodeFilter = None,
    outcome: OutcomeFilter = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """What the rules propose today for each customer, with the line and the value it comes from, or why they do not.

    Nothing is changed: a journal is made by POST /v1/adjustments/generate with the source automatic_limits.
    """
    see(caller, company)
    (after,) = decode_cursor(cursor, str) or (None,)
    chosen = Chosen(None if customer is None else [customer], risk_group=risk_group)
    async with transaction(request.app.state.pool) as work:
        currency, zone = await business_settings(work, company)
        today = local_date(work.business_now, zone)
        rows = await page_of_proposals(work, company, chosen, today, outcome, after, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["customer"],))
    return shown({"items": [shown_proposal(row, currency) for row in kept], "next_cursor": following})


async def _groups(work: Work, company: str) -> Groups:
    return {kept.group.id: kept.group for kept in await scoring_groups(work, company)}


async def _audit(
    work: Work, caller: Caller, company: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    rule = after or before or {}
    await audit.record(
        work, who=caller.subject, what=f"automatic-limit-rule.{'changed' if after else 'deleted'}", company=company,
        subject=f"{rule['risk_group']}/{rule['currency']}", before=before, after=after,
    )  # fmt: skip
