"""Policies over HTTP: insurance and guarantees that add to a customer's limit."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service import raising
from credit_service.masterdata.store import read_entries
from credit_service.paths import Named, date_and_id, must_be_heard_of
from credit_service.policies import store
from credit_service.policies.bodies import PolicyBody, must_be_possible, must_exist, references
from credit_service.policies.changing import Wanted, make, must_ask, proposal_of, remove, shown_policy, subject_of
from credit_service.profiles.changing import company_of
from holdfast.approvals.api import shown_approval
from holdfast.approvals.model import State
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import Work, transaction
from holdfast.receivables.accounts import lock_accounts
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, check_if_match
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, page
from holdfast.web.paths import see
from holdfast.web.problems import Problem, not_found, responses

router = APIRouter(prefix="/v1/policies", tags=["policies"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("policies:maintain"))]


@router.get("", operation_id="listPolicies", responses={200: {"description": "Policies by expiry"}, **responses()})
async def list_policies(
    request: Request,
    caller: Reader,
    company: Named = None,
    customer: Named = None,
    expires_from: BusinessDate | None = None,
    expires_until: BusinessDate | None = None,
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
    see(caller, given.company)
    must_be_possible(given)

    async def act(work: Work) -> Answer:
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
    see(caller, given.company)
    must_be_possible(given)

    async def act(work: Work) -> Answer:
        await lock_accounts(work, {(given.company, given.customer)})
        row = await _read(work, number, caller)
        check_if_match(if_match, row["version"])
        if (row["company"], row["customer"]) != (given.company, given.customer):
            raise Problem(422, "invalid", "The request is not valid", "customer: a policy stays with its customer.")
        return await _keep(work, number, row, given, caller)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{number}",
    operation_id="removePolicy",
    status_code=204,
    responses={204: {"description": "Removed"}, 202: {"description": "Waits for approval"},
               **responses(404, 409, 412, 428)},
)  # fmt: skip
async def remove_policy(
    request: Request, number: UUID, caller: Keeper, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
) -> Response:
    """Remove a policy: at once, unless more may be owed without it, as without one that reduces the limit."""

    async def act(work: Work) -> Answer:
        row = await _read(work, number, caller)
        party = row["company"], row["customer"]
        await lock_accounts(work, {party})
        check_if_match(if_match, (await _read(work, number, caller))["version"])
        if await must_ask(work, party, number, None):
            proposal = {"customer": party[1], "policy": str(number), "fields": None}
            asked = await raising.ask(work, "policy", party[0], subject_of(number), caller.subject, proposal, None)
            if asked["state"] != State.COMPLETED:
                return answer({"id": str(number), "approval": shown_approval(asked, caller)}, 202)
        else:
            await remove(work, number, caller.subject, None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


async def _keep(work: Work, number: UUID, before: Any, given: PolicyBody, caller: Caller) -> Answer:
    party = given.company, given.customer
    await company_of(work, given.company)
    await must_be_heard_of(work, *party, confirmed=given.confirm_unknown_customer)
    await lock_accounts(work, {party})
    must_exist(given, await read_entries(work, given.company, references(given)))
    wanted = Wanted(number, before, given.fields())
    if await must_ask(work, party, number, wanted):
        row = await raising.ask(
            work, "policy", given.company, subject_of(number), caller.subject, proposal_of(wanted), given.reason
        )
        if row["state"] != State.COMPLETED:
            return answer({"id": str(number), "approval": shown_approval(row, caller)}, 202)
        kept = await store.read_policy(work, number)
    else:
        (kept,) = await make(work, [wanted], caller.subject, given.reason)
    assert kept is not None
    return answer(shown_policy(kept), 200 if before else 201, kept["version"])


async def _read(work: Work, number: UUID, caller: Caller) -> asyncpg.Record:
    row = await store.read_policy(work, number)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"policy {number}")
    return row
