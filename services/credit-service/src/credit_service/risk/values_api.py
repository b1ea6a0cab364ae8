"""Score, class and risk values of customers over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from credit_service.paths import Code, CodeFilter, Customer, business_settings, must_be_known
from credit_service.risk import store
from credit_service.risk.bodies import TypedValueBody, as_number
from credit_service.risk.model import GroupType, ScoringGroup, shown_number
from credit_service.risk.update import update_risk_scores
from holdfast.database.work import Work, transaction
from holdfast.platform.clock import local_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.model import Party
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, check_put
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import Company, see
from holdfast.web.problems import field_problem, not_found, responses

router = APIRouter(prefix="/v1/customer-risks", tags=["risk"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("risk:maintain"))]


@router.get(
    "/{company}",
    operation_id="listCustomerRisks",
    responses={200: {"description": "A page of customers"}, **responses(404)},
)
async def list_customer_risks(
    request: Request,
    company: Company,
    caller: Reader,
    risk_group: CodeFilter = None,
    unclassified: Annotated[bool, Query(description="only those without a class")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Customers that have a score or a class, by customer."""
    see(caller, company)
    after = decode_cursor(cursor, str) or (None,)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_risks(work, company, risk_group, unclassified, after[0], limit + 1)
    items, following = page(rows, limit, lambda row: (row["customer"],))
    return shown({"items": [_shown_risk(row["customer"], row) for row in items], "next_cursor": following})


@router.get(
    "/{company}/{customer}",
    operation_id="getCustomerRisk",
    responses={200: {"description": "Score, class and what they were made from"}, **responses(404)},
)
async def get_customer_risk(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """Score and class of a customer, with the value and points of every scoring group."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        await must_be_known(work, company, customer)
        risk = await store.risk_of(work, (company, customer))
        values = await store.values_of(work, (company, customer))
    body = _shown_risk(customer, risk) | {"values": [_shown_value(row) for row in values]}
    return shown(body)


@router.get(
    "/{company}/{customer}/history",
    operation_id="listCustomerRiskHistory",
    responses={200: {"description": "Changes of score or class, the newest first"}, **responses(404)},
)
async def list_risk_history(
    request: Request, company: Company, customer: Customer, caller: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """When score or class of a customer changed, from what to what, for which business date and by whom."""
    see(caller, company)
    (before,) = decode_cursor(cursor, int) or (None,)
    async with transaction(request.app.state.pool, clock=False) as work:
        await must_be_known(work, company, customer)
        rows = await store.page_of_history(work, (company, customer), before, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["id"],))
    return shown({"items": [_shown_change(row) for row in kept], "next_cursor": following})


@router.put(
    "/{company}/{customer}/values/{group}",
    operation_id="setRiskValue",
    responses={200: {"description": "The value"}, 201: {"description": "Created"}, **responses(404, 409, 412, 428)},
)
async def set_risk_value(
    request: Request,
    company: Company,
    customer: Customer,
    group: Code,
    given: TypedValueBody,
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Type in a value of a scoring group of type `user`; the customer is scored anew at once."""
    see(caller, company)
    party = (company, customer)

    async def act(work: Work) -> Answer:
        before = await _typed(work, party, group)
        check_put("value", before["version"] if before else None, if_match, if_none_match)
        version = before["version"] + 1 if before else 1
        kept = await _user_group(work, company, group)
        number = as_number(given.value, "value") if kept.is_numeric else None
        text = given.value if number is None else shown_number(number)
        await store.write_typed(work, party, group, text, number, version)
        state = await _scored(work, caller, party, group, before)
        return answer(state, 200 if before else 201, version)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{company}/{customer}/values/{group}",
    operation_id="deleteRiskValue",
    status_code=204,
    responses={204: {"description": "Removed"}, **responses(404, 409, 412, 428)},
)
async def delete_risk_value(
    request: Request,
    company: Company,
    customer: Customer,
    group: Code,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove a typed value; the customer is scored anew at once."""
    see(caller, company)
    party = (company, customer)

    async def act(work: Work) -> Answer:
        before = await _typed(work, party, group)
        if before is None:
            raise not_found(f"value of {company}/{customer} for {group}")
        await _user_group(work, company, group)
        check_if_match(if_match, before["version"])
        await store.delete_value(work, party, group)
        await _scored(work, caller, party, group, before)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


async def _typed(work: Work, party: Party, group: str) -> asyncpg.Record | None:
    """The value as it is, once the customer is locked."""
    await must_be_known(work, *party)
    await lock_accounts(work, [party])
    return next(iter(await store.values_of(work, party, group)), None)


async def _user_group(work: Work, company: str, group: str) -> ScoringGroup:
    found = await store.scoring_groups(work, company, group)
    if not found:
        raise not_found(f"scoring group {company}/{group}")
    if found[0].group.group_type is not GroupType.USER:
        raise field_problem(
            422, "computed-value", "The value is computed", "group", group,
            f"is of type {found[0].group.group_type}", "Type in values of groups of type user only.",
        )  # fmt: skip
    return found[0].group


async def _scored(
    work: Work, caller: Caller, party: Party, group: str, before: asyncpg.Record | None
) -> dict[str, Any] | None:
    company, customer = party
    _, zone = await business_settings(work, company)
    await update_risk_scores(work, company, [customer], local_date(work.business_now, zone), caller.subject)
    row = next(iter(await store.values_of(work, party, group)), None)
    state = _shown_value(row) if row else None
    await audit.record(
        work, who=caller.subject, what="risk-value.changed" if row else "risk-value.deleted", company=company,
        subject=f"{customer}/{group}", before=_shown_value(before) if before else None, after=state,
    )  # fmt: skip
    return state


def _shown_risk(customer: str, row: Any) -> dict[str, Any]:
    known = {"customer": customer, "risk_score": "0", "risk_group": None, "calculated_at": None, "version": 0}
    return known if row is None else known | dict(row) | {"risk_score": shown_number(row["risk_score"])}


def _shown_value(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "scoring_group": row["scoring_group"], "value": row["value"], "is_numeric": row["numeric_value"] is not None,
        "score": shown_number(row["score"]), "calculated_at": row["calculated_at"], "version": row["version"],
    }  # fmt: skip


def _shown_change(row: asyncpg.Record) -> dict[str, Any]:
    former = row["former_risk_score"]
    scores = {"risk_score": shown_number(row["risk_score"]),
              "former_risk_score": None if former is None else shown_number(former)}  # fmt: skip
    return {name: value for name, value in row.items() if name != "id"} | scores
