"""Policies over HTTP: insurance and guarantees that add to a customer's limit."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from credit_service import raising
from credit_service.masterdata.api import unknown_reference
from credit_service.masterdata.store import read_entries
from credit_service.paths import Named, date_and_id
from credit_service.policies import store
from credit_service.policies.model import raises
from credit_service.profiles.changing import company_of, current
from credit_service.profiles.model import resulting_limit
from credit_service.profiles.publishing import publish
from credit_service.profiles.store import next_versions
from credit_service.raising import Door
from holdfast.approvals.api import shown_approval
from holdfast.approvals.flow import Asked
from holdfast.approvals.model import State
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import BusinessDate, Code, CompanyId, Id
from holdfast.database.work import Work, transaction
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.money import rounded
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, check_if_match
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.money import MoneyModel, money
from holdfast.web.paging import Cursor, Limit, page
from holdfast.web.problems import Problem, field_problem, not_found, responses

router = APIRouter(prefix="/v1/policies", tags=["policies"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("policies:maintain"))]
REFERENCES = {"type": "policy-types", "coverage_type": "coverage-types"}


class PolicyBody(BaseModel):
    """An insurance or guarantee."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "company": "DE01", "customer": "C-1001", "kind": "insurance", "insurer_guarantor": "Euler",
        "effective_from": "2026-01-01", "expires_on": "2026-12-31",
        "value": {"amount": "50000.00", "currency": "EUR"}, "update_credit_limit_pct": "50"}]})  # fmt: skip

    company: CompanyId
    customer: Id
    kind: Literal["insurance", "guarantee"]
    type: Code | None = Field(None, description="from the list policy-types")
    coverage_type: Code | None = Field(None, description="from the list coverage-types; for an insurance only")
    insurer_guarantor: Text = Field(min_length=1)
    identification: Text = Field("", description="policy number")
    effective_from: BusinessDate = Field(description="first day that is covered")
    expires_on: BusinessDate = Field(description="last day that is covered")
    value: MoneyModel = Field(description="full face value")
    update_credit_limit_pct: Decimal = Field(
        Decimal(0), ge=0, le=100, decimal_places=2, description="share of the value that adds to the limit, percent"
    )
    included_in_exposure: bool = Field(False, description="the full value lowers the exposure value (spec 2.3)")
    reason: Text | None = None


@router.get("", operation_id="listPolicies", responses={200: {"description": "Policies by expiry"}, **responses()})
async def list_policies(
    request: Request,
    caller: Reader,
    company: Named = None,
    customer: Named = None,
    expires_from: date | None = None,
    expires_until: date | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Policies of the caller's companies, those that expire first."""
    after, expires = date_and_id(cursor), (expires_from, expires_until)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_policies(work, caller.company_filter(), company, customer, expires, after, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["expires_on"].isoformat(), str(row["id"])))
    return shown({"items": [shown_policy(row) for row in kept], "next_cursor": following})


@router.get("/{number}", operation_id="getPolicy", responses={200: {"description": "The policy"}, **responses(404)})
async def get_policy(request: Request, number: UUID, caller: Reader) -> Response:
    """One policy with its ETag."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await _read(work, number, caller)
    return shown(shown_policy(row), row["version"])


@router.post(
    "",
    operation_id="addPolicy",
    status_code=201,
    responses={201: {"description": "Added"}, 202: {"description": "Waits for approval"}, **responses(404, 409)},
)
async def add_policy(
    request: Request, given: PolicyBody, caller: Keeper, idempotency_key: IdempotencyKey = None
) -> Response:
    """Add a policy; it raises the limit, so it waits for approval once such a workflow is active."""
    _possible(given, caller)

    async def act(work: Work) -> Answer:
        await _references(work, given)
        return await _keep(work, uuid4(), None, given, caller)

    return await once(request, caller, idempotency_key, act)


@router.put(
    "/{number}",
    operation_id="changePolicy",
    responses={200: {"description": "The policy"}, 202: {"description": "Waits for approval"},
               **responses(404, 409, 412, 428)},
)  # fmt: skip
async def change_policy(
    request: Request,
    number: UUID,
    given: PolicyBody,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Change a policy; what lowers the limit takes effect at once."""
    _possible(given, caller)

    async def act(work: Work) -> Answer:
        await lock_accounts(work, {(given.company, given.customer)})
        row = await _read(work, number, caller)
        check_if_match(if_match, row["version"])
        if (row["company"], row["customer"]) != (given.company, given.customer):
            raise Problem(422, "invalid", "The request is not valid", "customer: a policy stays with its customer.")
        await _references(work, given)
        return await _keep(work, number, row, given, caller)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{number}",
    operation_id="removePolicy",
    status_code=204,
    responses={204: {"description": "Removed"}, **responses(404, 409, 412, 428)},
)
async def remove_policy(
    request: Request, number: UUID, caller: Keeper, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
) -> Response:
    """Remove a policy at once."""

    async def act(work: Work) -> Answer:
        row = await _read(work, number, caller)
        party = row["company"], row["customer"]
        await lock_accounts(work, {party})
        check_if_match(if_match, (await _read(work, number, caller))["version"])
        await store.delete_policy(work, number)
        await _tell(work, party, caller.subject, shown_policy(row), None, None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


async def _keep(work: Work, number: UUID, before: Any, given: PolicyBody, caller: Caller) -> Answer:
    party = given.company, given.customer
    found = await company_of(work, given.company)
    await lock_accounts(work, {party})
    fields = given.model_dump(exclude={"value", "reason"}) | {
        "value": given.value.amount, "currency": given.value.currency,
    }  # fmt: skip
    if raises(before, fields) and await raising.must_ask(work, given.company):
        profile = await current(work, party, found["currency"])
        proposal = {"customer": given.customer, "policy": str(number), "fields": fields}
        row = await raising.ask(
            work, "policy", given.company, f"policy {number}", caller.subject, resulting_limit(profile), proposal,
            given.reason,
        )  # fmt: skip
        if row["state"] != State.COMPLETED:
            return answer({"id": str(number), "approval": shown_approval(row)}, 202)
        kept = await store.read_policy(work, number)
    else:
        kept = await make(work, number, before, fields, caller.subject, given.reason)
    assert kept is not None
    return answer(shown_policy(kept), 200 if before else 201, kept["version"])


async def make(
    work: Work, number: UUID, before: Any, fields: dict[str, Any], who: str, reason: str | None
) -> asyncpg.Record:
    """Keep a policy of a locked customer, and tell of it."""
    row = await store.write_policy(work, number, fields, (before["version"] if before else 0) + 1)
    party = row["company"], row["customer"]
    await _tell(work, party, who, shown_policy(before) if before else None, shown_policy(row), reason)
    return row


async def _tell(work: Work, party: tuple[str, str], who: str, before: Any, after: Any, reason: str | None) -> None:
    await audit.record(
        work, who=who, what="policy.changed", company=party[0], subject=party[1], before=before, after=after, why=reason
    )
    await next_versions(work, [party], who)
    await publish(work, [party], who, reason)


async def _read(work: Work, number: UUID, caller: Caller) -> asyncpg.Record:
    row = await store.read_policy(work, number)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"policy {number}")
    return row


def _possible(given: PolicyBody, caller: Caller) -> None:
    if not caller.sees(given.company):
        raise not_found(f"company {given.company}")
    if given.kind == "guarantee" and given.coverage_type is not None:
        raise field_problem(
            422, "invalid", "The request is not valid", "coverage_type", given.coverage_type,
            "a guarantee has no coverage type", "Leave it out, or send kind insurance.",
        )  # fmt: skip
    if given.expires_on < given.effective_from:
        raise field_problem(
            422, "invalid", "The request is not valid", "expires_on", given.expires_on,
            "the policy ends before it begins", "Send a date not before effective_from.",
        )  # fmt: skip
    amount = given.value.amount
    if amount < 0 or rounded(amount, given.value.currency) != amount:
        raise field_problem(
            422, "invalid", "The request is not valid", "value.amount", str(amount),
            "below zero, or finer than the currency's minor unit", "Send an amount of 0 or more in whole minor units.",
        )  # fmt: skip


async def _references(work: Work, given: PolicyBody) -> None:
    must_exist(given, await read_entries(work, given.company, references(given)))


def references(given: PolicyBody) -> set[tuple[str, str]]:
    """The entries of master data that a policy names, by list and id."""
    return {(name, code) for field, name in REFERENCES.items() if (code := getattr(given, field)) is not None}


def must_exist(given: PolicyBody, entries: Collection[tuple[str, str]]) -> None:
    """Raises Problem 422 for a policy that names another entry than these."""
    for field, name in REFERENCES.items():
        code = getattr(given, field)
        if code is not None and (name, code) not in entries:
            raise unknown_reference(given.company, name, code, field)


def shown_policy(row: Any) -> dict[str, Any]:
    """A policy as the API shows it."""
    return {name: row[name] for name in store.FIELDS if name not in ("value", "currency")} | {
        "id": str(row["id"]), "value": money(row["value"], row["currency"]), "version": row["version"],
        "update_credit_limit_pct": str(row["update_credit_limit_pct"]),
    }  # fmt: skip


async def _lock(work: Work, proposal: dict[str, Any]) -> None:
    await lock_accounts(work, {(proposal["company"], proposal["customer"])})


async def _basis(work: Work, proposal: dict[str, Any]) -> Any:
    row = await store.read_policy(work, UUID(proposal["policy"]))
    return [] if row is None else [shown_policy(row)]


async def _take_effect(work: Work, proposal: dict[str, Any], asked: Asked) -> None:
    number, fields = UUID(proposal["policy"]), dict(proposal["fields"])
    fields |= {name: date.fromisoformat(fields[name]) for name in ("effective_from", "expires_on")}
    fields |= {name: Decimal(fields[name]) for name in ("value", "update_credit_limit_pct")}
    await make(work, number, await store.read_policy(work, number), fields, asked.requester, asked.reason)


raising.DOORS["policy"] = Door(_lock, _basis, _take_effect)
