"""Credit profiles as requests describe them, and what becomes of the amounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from credit_service.masterdata.api import unknown_reference
from credit_service.masterdata.store import read_entries
from credit_service.parameters.store import read_parameters
from credit_service.profiles.model import Change, Profile
from credit_service.profiles.rates import limit_rate_type, limit_rates
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import BusinessDate, Code
from holdfast.database.work import Work
from holdfast.receivables.money import rounded
from holdfast.receivables.rates import Rate
from holdfast.web.money import MoneyModel
from holdfast.web.problems import Problem, field_problem

EFFECTS = {"none": "no", "invoice": "invoice", "all": "all"}


class ProfileBody(BaseModel):
    """The credit profile of a customer, as it shall be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"credit_limit": {"amount": "10000.00", "currency": "EUR"}, "reason": "review"}]})  # fmt: skip

    credit_limit: MoneyModel | None = Field(None, description="permanent limit, company currency; 0 means no credit")
    credit_limit_customer_currency: MoneyModel | None = Field(
        None, description="the same limit in the customer's currency; the other one is computed from it"
    )
    credit_limit_expiry_date: BusinessDate | None = Field(None, description="does not expire when absent")
    mandatory_credit_limit: bool = Field(
        False, description="the limit is tested even where none is; 0 stays 0 in a group"
    )
    unlimited_credit: bool = Field(False, description="no limit test ever fails")
    exclude_from_credit_management: bool = Field(False, description="no rule runs for this customer's orders")
    ignore_until_date: BusinessDate | None = Field(None, description="credit management is suspended until this date")
    credit_management_group: Code | None = Field(None, description="aims rules; not a shared limit")
    credit_rating: Text | None = Field(None, max_length=10, description="a label for reports")
    account_status: Code | None = Field(None, description="its hold effect becomes the customer's")
    status_reason: Code | None = None
    invoicing_delivery_on_hold: Literal["no", "invoice", "all"] | None = Field(
        None, description="hard stop; absent: as the account status says"
    )
    eligible_credit_limit: MoneyModel | None = Field(None, description="the highest limit a reviewer would grant")
    last_review_date: BusinessDate | None = None
    next_review_date: BusinessDate | None = None
    with_agency: bool = Field(False, description="with a collection agency; informational")
    title_held: bool = Field(False, description="a title is held; informational")
    business_started_date: BusinessDate | None = None
    customer_since_date: BusinessDate | None = None
    collection_group: Code | None = None
    notes: Text = ""
    confirm_group_limit: bool = Field(False, description="an own limit of 0 is meant to leave the group's limit alone")
    confirm_unknown_customer: bool = Field(False, description="the ERP will tell of this customer later")
    reason: Text | None = Field(None, description="why; kept in the audit trail")


PLAIN = ("credit_limit_expiry_date", "mandatory_credit_limit", "unlimited_credit", "exclude_from_credit_management",
         "ignore_until_date", "credit_management_group", "credit_rating", "account_status", "status_reason",
         "last_review_date", "next_review_date", "with_agency", "title_held", "business_started_date",
         "customer_since_date", "collection_group", "notes")  # fmt: skip
PAIR = ("credit_limit", "customer_currency", "credit_limit_customer_currency")
"""The permanent limit and the figure that it was computed from."""
REFERENCES = {"account_status": "account-statuses", "credit_management_group": "credit-management-groups",
              "status_reason": "status-reasons",
              "collection_group": "collection-groups"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What a change of a company's profiles is made from: currency, entries of master data by list and id, and rates
    of the day from customers' currencies."""

    company: str
    currency: str
    rate_type: str
    entries: Mapping[tuple[str, str], dict[str, Any]]
    rates: Mapping[str, Rate]


async def known_for(work: Work, company: str, master: asyncpg.Record, given: Collection[ProfileBody]) -> Known:
    """What these requests refer to, in two statements."""
    named = {(name, getattr(body, field)) for body in given for field, name in REFERENCES.items()}
    entries = await read_entries(work, company, {(name, code) for name, code in named if code is not None})
    parameters = (await read_parameters(work, company)).parameters
    codes = {body.credit_limit_customer_currency.currency for body in given if body.credit_limit_customer_currency}
    rates = await limit_rates(work, parameters, master, codes)
    return Known(company, master["currency"], limit_rate_type(parameters, master), entries, rates)


def change_of(given: ProfileBody, known: Known, before: Profile) -> Change:
    """What a request changes of a profile, with every amount in its currency. Raises Problem 422."""
    values: dict[str, Any] = {name: getattr(given, name) for name in PLAIN}
    values |= _limit(given, known, before)
    if given.eligible_credit_limit is not None:
        money = given.eligible_credit_limit
        values["eligible_credit_limit"] = _amount(money, money.currency, "eligible_credit_limit")
        values["eligible_credit_limit_currency"] = money.currency
    for field, name in REFERENCES.items():
        if values[field] is not None and (name, values[field]) not in known.entries:
            raise unknown_reference(known.company, name, values[field], field)
    values["invoicing_delivery_on_hold"] = given.invoicing_delivery_on_hold or _effect(given, known)
    return Change(values)


def _effect(given: ProfileBody, known: Known) -> str:
    """What the account status does."""
    if given.account_status is None:
        return EFFECTS["none"]
    return EFFECTS[known.entries["account-statuses", given.account_status]["hold_effect"]]


def _limit(given: ProfileBody, known: Known, before: Profile) -> dict[str, Any]:
    """A figure that is sent as it is says nothing new: the pair of figures stays as it was entered (spec 2.7)."""
    own = given.credit_limit_customer_currency
    if own is not None and (own.amount, own.currency) == (
        before.credit_limit_customer_currency, before.customer_currency
    ):  # fmt: skip
        if given.credit_limit is None or _amount(given.credit_limit, known.currency, "credit_limit") == (
            before.credit_limit
        ):
            return {name: getattr(before, name) for name in PAIR}
        own = None
    if own is not None:
        return _converted(own, known)
    if given.credit_limit is None:
        raise field_problem(
            422, "invalid", "The request is not valid", "credit_limit", None, "no limit is named",
            "Send credit_limit, or credit_limit_customer_currency; 0 means no credit.",
        )  # fmt: skip
    return {
        "credit_limit": _amount(given.credit_limit, known.currency, "credit_limit"),
        "customer_currency": None,
        "credit_limit_customer_currency": None,
    }


def _converted(own: MoneyModel, known: Known) -> dict[str, Any]:
    """The limit in company currency at the rate of the day; it stays until the next change (spec 2.7)."""
    rate = known.rates.get(own.currency)
    if rate is None:
        raise field_problem(
            422, "no-exchange-rate", "There is no exchange rate", "credit_limit_customer_currency.currency",
            own.currency, f"no rate of type {known.rate_type} converts it into {known.currency} today",
            "Let the ERP send erp.exchange-rate.published.v1, or send credit_limit in the company's currency.",
        )  # fmt: skip
    amount = _amount(own, own.currency, "credit_limit_customer_currency")
    return {
        "credit_limit": rounded(rate.convert(amount), known.currency),
        "customer_currency": own.currency,
        "credit_limit_customer_currency": amount,
    }


def _amount(given: MoneyModel, currency: str, field: str) -> Decimal:
    if given.currency != currency:
        raise field_problem(
            422, "wrong-currency", "The limit is in another currency", f"{field}.currency", given.currency,
            f"the company's currency is {currency}", f"Send the limit in {currency}.",
        )  # fmt: skip
    if given.amount < 0 or rounded(given.amount, currency) != given.amount:
        raise field_problem(
            422, "invalid", "The request is not valid", f"{field}.amount", str(given.amount),
            "below zero, or finer than the currency's minor unit", "Send an amount of 0 or more in whole minor units.",
        )  # fmt: skip
    return given.amount


def must_be_possible(company: str, given: ProfileBody) -> None:
    """Dates that contradict each other. Raises Problem 422."""
    if given.last_review_date and given.next_review_date and given.next_review_date < given.last_review_date:
        raise Problem(
            422, "invalid", "The request is not valid",
            f"next_review_date: before the last review of the customer of {company}. Send a later date.",
        )  # fmt: skip
