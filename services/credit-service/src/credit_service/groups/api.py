"""Credit groups over HTTP. Of other companies' members a caller sees only how many there are."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from credit_service.groups import store
from credit_service.groups.changing import change_member, set_group
from credit_service.groups.model import Group
from holdfast.approvals.api import shown_approval
from holdfast.approvals.model import State
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import ONE_WORD, BusinessDate, CompanyId, Id
from holdfast.database.work import Work, transaction
from holdfast.receivables.model import Party
from holdfast.receivables.money import rounded
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_put
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.money import MoneyModel, money
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import field_problem, not_found, responses

router = APIRouter(prefix="/v1/credit-groups", tags=["credit groups"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("groups:maintain"))]
Name = Annotated[str, Path(max_length=30, pattern=ONE_WORD)]


class GroupBody(BaseModel):
    """A credit group: one limit for customers of any company."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "owner_company": "DE01", "description": "Northwind", "credit_limit": {"amount": "15000", "currency": "EUR"},
        "expiry_date": "2026-12-31"}]})  # fmt: skip

    owner_company: CompanyId = Field(description="whose approval workflow governs the group; stays as it is")
    description: Text = ""
    credit_limit: MoneyModel = Field(description="shared limit, in the group's currency")
    expiry_date: BusinessDate = Field(description="mandatory; becomes the members' expiry date")
    check_member_overdue: bool = Field(False, description="the days-overdue rule also looks at the other members")
    reason: Text | None = None


class MemberBody(BaseModel):
    """A customer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"company": "US01", "customer": "C-1001"}]})  # fmt: skip

    company: CompanyId
    customer: Id
    reason: Text | None = None


@router.get("", operation_id="listCreditGroups", responses={200: {"description": "Groups"}, **responses()})
async def list_groups(request: Request, caller: Reader, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Groups that a company of the caller owns or has a member in, with the members that are theirs."""
    after = decode_cursor(cursor, str)
    async with transaction(request.app.state.pool, clock=False) as work:
        groups = await store.page_of_groups(work, caller.company_filter(), after[0] if after else None, limit + 1)
        kept, following = page(groups, limit, lambda group: (group.name,))
        members = await store.members(work, [group.name for group in kept])
    items = [shown_group(group, members[group.name], caller) for group in kept]
    return shown({"items": items, "next_cursor": following})


@router.get("/{name}", operation_id="getCreditGroup", responses={200: {"description": "The group"}, **responses(404)})
async def get_group(request: Request, name: Name, caller: Reader) -> Response:
    """One group with its ETag."""
    async with transaction(request.app.state.pool, clock=False) as work:
        group, members = await _read(work, name, caller)
    return shown(shown_group(group, members, caller), group.version)


@router.get(
    "/{name}/candidates",
    operation_id="listGroupCandidates",
    responses={200: {"description": "Accounts of the same number"}, **responses(404)},
)
async def candidates(
    request: Request,
    name: Name,
    caller: Reader,
    customer: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]+$")],
) -> Response:
    """Accounts with this number in the caller's companies that are in no group: offered to be added too."""
    async with transaction(request.app.state.pool, clock=False) as work:
        await _read(work, name, caller)
        rows = await store.same_number(work, customer, caller.company_filter())
    return shown({"items": [dict(row) for row in rows]})


@router.put(
    "/{name}",
    operation_id="setCreditGroup",
    responses={200: {"description": "The group"}, 202: {"description": "Waits for approval"},
               **responses(404, 409, 412, 428)},
)  # fmt: skip
async def put_group(
    request: Request,
    name: Name,
    given: GroupBody,
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set a group: `If-None-Match: *` creates it, `If-Match` changes the version you read.

    A raise waits for approval once such a workflow is active.
    """
    _possible(given, caller)

    async def act(work: Work) -> Answer:
        before = await store.lock_group(work, name)
        if before is not None and before.owner_company != given.owner_company:
            raise not_found(f"credit group {name} of {given.owner_company}")
        check_put("credit group", before.version if before else None, if_match, if_none_match)
        after = Group(
            name, given.owner_company, given.description, given.credit_limit.currency, given.credit_limit.amount,
            given.expiry_date, given.check_member_overdue, (before.version if before else 0) + 1,
        )  # fmt: skip
        approval = await set_group(work, before, after, caller.subject, given.reason)
        return await _answer(work, name, approval, caller)

    return await once(request, caller, idempotency_key, act)


@router.post(
    "/{name}/members",
    operation_id="addGroupMember",
    responses={200: {"description": "The group"}, 202: {"description": "Waits for approval"}, **responses(404, 409)},
)
async def add_member(
    request: Request, name: Name, given: MemberBody, caller: Keeper, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take a customer into a group; the group's expiry date becomes the customer's."""
    return await _change(request, name, given, caller, idempotency_key, join=True)


@router.post(
    "/{name}/members/remove",
    operation_id="removeGroupMember",
    responses={200: {"description": "The group"}, 202: {"description": "Waits for approval"}, **responses(404, 409)},
)
async def remove_member(
    request: Request, name: Name, given: MemberBody, caller: Keeper, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take a customer out of a group."""
    return await _change(request, name, given, caller, idempotency_key, join=False)


async def _change(
    request: Request, name: str, given: MemberBody, caller: Caller, key: str | None, *, join: bool
) -> Response:
    if not caller.sees(given.company):
        raise not_found(f"customer {given.company}/{given.customer}")

    async def act(work: Work) -> Answer:
        await store.lock_group(work, name)
        group, _ = await _read(work, name, caller)
        await _must_be_known(work, given)
        party = given.company, given.customer
        approval = await change_member(work, group, party, caller.subject, given.reason, join=join)
        return await _answer(work, name, approval, caller)

    return await once(request, caller, key, act)


async def _must_be_known(work: Work, given: MemberBody) -> None:
    known = await work.conn.fetchval(
        "SELECT true FROM customer WHERE customer = $2 AND company = $1", given.company, given.customer
    )
    if not known:
        raise field_problem(
            422, "unknown-customer", "The customer is not known", "customer", f"{given.company}/{given.customer}",
            "the ERP has not sent it", "Let the ERP send erp.customer.changed.v1 for it first.",
        )  # fmt: skip


async def _answer(work: Work, name: str, approval: asyncpg.Record | None, caller: Caller) -> Answer:
    group, members = await _read(work, name, caller)
    body = shown_group(group, members, caller)
    if approval is not None and approval["state"] != State.COMPLETED:
        return answer(body | {"approval": _shown_waiting(approval, caller)}, 202, group.version)
    return answer(body, version=group.version)


def _shown_waiting(approval: asyncpg.Record, caller: Caller) -> dict[str, Any]:
    """What waits: of a company that is not the caller's only that it does."""
    if caller.sees(approval["company"]):
        return shown_approval(approval, caller)
    return {"state": approval["state"], "of_another_company": True}


async def _read(work: Work, name: str, caller: Caller) -> tuple[Group, list[Party]]:
    group = await store.read_group(work, name)
    members = (await store.members(work, [name]))[name] if group else []
    if group is None or not (caller.sees(group.owner_company) or any(caller.sees(c) for c, _ in members)):
        raise not_found(f"credit group {name}")
    return group, members


def _possible(given: GroupBody, caller: Caller) -> None:
    see(caller, given.owner_company)
    amount = given.credit_limit.amount
    if amount < 0 or rounded(amount, given.credit_limit.currency) != amount:
        raise field_problem(
            422, "invalid", "The request is not valid", "credit_limit.amount", str(amount),
            "below zero, or finer than the currency's minor unit", "Send an amount of 0 or more in whole minor units.",
        )  # fmt: skip


def shown_group(group: Group, members: list[Party], caller: Caller) -> dict[str, Any]:
    """A group as a caller may see it."""
    mine = [{"company": company, "customer": customer} for company, customer in members if caller.sees(company)]
    return {
        "group": group.name, "owner_company": group.owner_company, "description": group.description,
        "credit_limit": money(group.credit_limit, group.currency), "expiry_date": group.expiry_date,
        "check_member_overdue": group.check_member_overdue, "members": mine,
        "members_of_other_companies": len(members) - len(mine), "version": group.version,
    }  # fmt: skip
