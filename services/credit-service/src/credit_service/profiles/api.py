"""Credit profiles over HTTP. Every change is audited and published in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.paths import Customer, Named, must_be_heard_of
from credit_service.profiles import store
from credit_service.profiles.bodies import ProfileBody, change_of, known_for, must_be_possible
from credit_service.profiles.changing import company_of, request_change, shown_profile
from credit_service.profiles.computed import computed_of, shown_computed
from credit_service.profiles.model import Profile
from holdfast.approvals.api import shown_approval
from holdfast.approvals.model import State
from holdfast.database.work import Work, transaction
from holdfast.receivables.accounts import lock_accounts
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_put
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import Company, see
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/credit-profiles", tags=["credit profiles"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Editor = Annotated[Caller, Depends(require("limits:edit"))]


@router.get(
    "", operation_id="listCreditProfiles", responses={200: {"description": "A page of profiles"}, **responses()}
)
async def list_profiles(
    request: Request, caller: Reader, company: Named = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Profiles of the caller's companies, by company and customer."""
    after = decode_cursor(cursor, str, str)
    async with transaction(request.app.state.pool) as work:
        rows = await store.page_of_profiles(work, caller.company_filter(), company, after, limit + 1)
        kept, following = page(rows, limit, lambda p: (p.company, p.customer))
        items = await _resources(work, kept)
    return shown({"items": items, "next_cursor": following})


@router.get(
    "/{company}/{customer}",
    operation_id="getCreditProfile",
    responses={200: {"description": "The profile"}, **responses(404)},
)
async def get_profile(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """The credit profile of a customer, with its ETag; what follows from it today stands beside it."""
    see(caller, company)
    async with transaction(request.app.state.pool) as work:
        found = await store.read_profile(work, (company, customer))
        if found is None:
            raise not_found(f"credit profile of {company}/{customer}")
        (body,) = await _resources(work, [found])
    return shown(body, found.version)


@router.put(
    "/{company}/{customer}",
    operation_id="setCreditProfile",
    responses={
        200: {"description": "The profile"},
        201: {"description": "Created"},
        202: {"description": "Waits for approval"},
        **responses(404, 409, 412, 428),
    },
)
async def set_profile(
    request: Request,
    company: Company,
    customer: Customer,
    given: ProfileBody,
    caller: Editor,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set the credit profile: `If-None-Match: *` creates it, `If-Match` changes the version you read.

    A change that raises what the customer may owe waits for approval (202) once such a workflow is active.
    """
    see(caller, company)
    must_be_possible(company, given)

    async def act(work: Work) -> Answer:
        known = await company_of(work, company)
        await must_be_heard_of(work, company, customer, confirmed=given.confirm_unknown_customer)
        await lock_accounts(work, {(company, customer)})
        before = await store.read_profile(work, (company, customer))
        check_put("profile", before.version if before else None, if_match, if_none_match)
        start = before or Profile(company, customer, known["currency"])
        change = change_of(given, await known_for(work, company, known, [given]), start)
        after, approval, warnings = await request_change(
            work, start, change, caller.subject, given.reason, confirmed=given.confirm_group_limit
        )
        (body,) = await _resources(work, [after])
        body |= {"warnings": warnings}
        if approval is not None and approval["state"] != State.COMPLETED:
            return answer(body | {"approval": shown_approval(approval, caller)}, 202, after.version)
        return answer(
            body, 200 if before else 201, (await store.read_profile(work, (company, customer)) or after).version
        )

    return await once(request, caller, idempotency_key, act)


async def _resources(work: Work, profiles: Sequence[Profile]) -> list[dict[str, Any]]:
    """Profiles as they are kept, with the limits in force and the risk of today."""
    computed = await computed_of(work, profiles)
    return [shown_profile(p) | shown_computed(c) for p, c in zip(profiles, computed, strict=True)]
