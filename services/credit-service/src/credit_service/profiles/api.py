"""Credit profiles over HTTP. Every change is audited and published in its own transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from credit_service.profiles import store
from credit_service.profiles.model import Change, Profile, changed
from holdfast.bus import outbox
from holdfast.contracts.base import Text
from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.platform.clock import local_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.money import rounded
from holdfast.web import audit, idempotency
from holdfast.web.auth import Caller, require
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey, request_of
from holdfast.web.money import MoneyModel, money
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.problems import Problem, field_problem, not_found, responses

router = APIRouter(prefix="/v1/credit-profiles", tags=["credit profiles"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Editor = Annotated[Caller, Depends(require("limits:edit"))]
Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]
Company = Annotated[str, Path(max_length=20, pattern=r"^[^/\s\x00]+$")]
Customer = Annotated[str, Path(max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ProfileBody(BaseModel):
    """The credit profile of a customer, as it shall be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"credit_limit": {"amount": "10000.00", "currency": "EUR"}, "reason": "review"}]})  # fmt: skip

    credit_limit: MoneyModel = Field(description="permanent limit, company currency; 0 means no credit")
    credit_limit_expiry_date: BusinessDate | None = Field(None, description="does not expire when absent")
    mandatory_credit_limit: bool = False
    unlimited_credit: bool = Field(False, description="no limit test ever fails")
    exclude_from_credit_management: bool = Field(False, description="no rule runs for this customer's orders")
    reason: Text | None = Field(None, description="why; kept in the audit trail")


@router.get(
    "", operation_id="listCreditProfiles", responses={200: {"description": "A page of profiles"}, **responses()}
)
async def list_profiles(
    request: Request, caller: Reader, company: Named = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Profiles of the caller's companies, by company and customer."""
    after = decode_cursor(cursor, str, str)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_profiles(work, caller.company_filter(), company, after, limit + 1)
    shown, following = page(rows, limit, lambda p: (p.company, p.customer))
    return _json({"items": [shown_profile(p) for p in shown], "next_cursor": following})


@router.get(
    "/{company}/{customer}",
    operation_id="getCreditProfile",
    responses={200: {"description": "The profile"}, **responses(404)},
)
async def get_profile(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """The credit profile of a customer, with its ETag."""
    _see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        found = await store.read_profile(work, (company, customer))
    if found is None:
        raise not_found(f"credit profile of {company}/{customer}")
    return _json(shown_profile(found), found.version)


@router.put(
    "/{company}/{customer}",
    operation_id="setCreditProfile",
    responses={200: {"description": "The profile"}, 201: {"description": "Created"}, **responses(404, 409, 412, 428)},
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
    """Set the credit profile: `If-None-Match: *` creates it, `If-Match` changes the version you read."""
    path = f"/v1/credit-profiles/{company}/{customer}"
    identity = request_of(caller, idempotency_key, "PUT", path, await request.body())
    _see(caller, company)
    async with transaction(request.app.state.pool) as work:
        if (earlier := await idempotency.earlier_answer(work, identity)) is not None:
            return earlier.response()
        known = await _company(work, company)
        await lock_accounts(work, {(company, customer)})
        before = await store.read_profile(work, (company, customer))
        _check_version(before, if_match, if_none_match)
        start = before or Profile(company, customer, known["currency"])
        today = local_date(work.business_now, known["time_zone"])
        after = changed(start, _change(given, known["currency"]), today)
        await store.write_profile(work, after, caller.subject)
        await _tell(work, caller, before, after, given.reason)
        status = 200 if before else 201
        answer = Answer(status, to_json(shown_profile(after)), {"etag": etag(after.version)})
        await idempotency.store(work, [(identity, answer)])
    return answer.response()


async def _company(work: Work, company: str) -> asyncpg.Record:
    row = await store.read_company(work, company)
    if row is None:
        raise field_problem(
            422, "company-unknown", "The company's currency is not known yet", "company", company,
            "its master data has not arrived",
            "Let the ERP send erp.company.changed.v1 for it, then set the limit.",
        )  # fmt: skip
    return row


def _check_version(before: Profile | None, if_match: str | None, if_none_match: str | None) -> None:
    if before is not None:
        check_if_match(None if if_none_match == "*" and if_match is None else if_match, before.version)
        return
    if if_match is not None:
        raise Problem(412, "changed-meanwhile", "There is no profile yet", "Create it with If-None-Match: *.")
    if if_none_match != "*":
        raise Problem(
            428, "if-match-required", "Say that you create it", "There is no profile yet; send If-None-Match: *."
        )


def _change(given: ProfileBody, currency: str) -> Change:
    amount = given.credit_limit.amount
    if given.credit_limit.currency != currency:
        raise field_problem(
            422, "wrong-currency", "The limit is in another currency", "credit_limit.currency",
            given.credit_limit.currency, f"the company's currency is {currency}",
            f"Send the limit in {currency}.",
        )  # fmt: skip
    if amount < 0 or rounded(amount, currency) != amount:
        raise field_problem(
            422, "invalid", "The request is not valid", "credit_limit.amount", str(amount),
            "below zero, or finer than the currency's minor unit", "Send an amount of 0 or more in whole minor units.",
        )  # fmt: skip
    return Change(
        amount, given.credit_limit_expiry_date, given.mandatory_credit_limit, given.unlimited_credit,
        given.exclude_from_credit_management,
    )  # fmt: skip


async def _tell(work: Work, caller: Caller, before: Profile | None, after: Profile, reason: str | None) -> None:
    await audit.record(
        work, who=caller.subject, what="credit-profile.changed", company=after.company, subject=after.customer,
        before=shown_profile(before) if before else None, after=shown_profile(after), why=reason,
    )  # fmt: skip
    fields = asdict(after) | {
        "sequence": 1, "changed_at": work.business_now, "changed_by": caller.subject, "reason": reason,
    }  # fmt: skip
    await outbox.emit(work, [ProfileChanged.model_validate(fields)])


def shown_profile(p: Profile) -> dict[str, Any]:
    """A profile as the API shows it."""
    return asdict(p) | {"credit_limit": money(p.credit_limit, p.currency)}


def _see(caller: Caller, company: str) -> None:
    if not caller.sees(company):
        raise not_found(f"company {company}")


def _json(body: Any, version: int | None = None) -> Response:
    headers = {} if version is None else {"etag": etag(version)}
    return Response(to_json(body), media_type="application/json", headers=headers)
