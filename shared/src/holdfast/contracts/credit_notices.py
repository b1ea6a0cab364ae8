"""Events of `credit.v1` that tell of one thing that happened; the full states are in `credit`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from holdfast.contracts.base import (
    Amount,
    BusinessDate,
    CompanyId,
    Currency,
    CustomerPayload,
    Id,
    Instant,
    Number,
    Part,
    Payload,
    Positive,
    Text,
    event,
)  # fmt: skip
from holdfast.contracts.credit import CreditPolicy
from holdfast.contracts.topics import CREDIT

CUSTOMER = {"company": "DE01", "customer": "C-1001", "sequence": 8}
AT = {"changed_at": "2026-03-02T12:00:00Z", "changed_by": "kim"}


@event(
    "credit.limit.changed.v1",
    CREDIT,
    example={**CUSTOMER, **AT, "currency": "EUR", "former_limit": "10000.00", "credit_limit": "12000.00",
             "credit_limit_expiry_date": "2026-12-31", "source": "journal", "reference": "ADJ-000001"},
)  # fmt: skip
class LimitChanged(CustomerPayload):
    """The permanent limit of a customer or its expiry has changed; or a temporary limit took its place or gave it back.

    Policies and credit groups add to a limit or share one: see credit.policy.changed.v1 and credit.group.changed.v1.
    """

    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    currency: Currency = Field(description="company currency")
    former_limit: Positive = Field(description="permanent limit before, company currency")
    credit_limit: Positive = Field(description="permanent limit now, company currency")
    former_expiry_date: BusinessDate | None = None
    credit_limit_expiry_date: BusinessDate | None = None
    former_limit_in_force: Positive | None = Field(
        None, description="before: the temporary limit that covered the day, else the permanent one; company currency"
    )
    limit_in_force: Positive | None = Field(
        None, description="now: the temporary limit that covers the day, else the permanent one; company currency"
    )
    source: Text = Field(description="by which door: manual, approval, journal, import, group, temporary")
    reference: Text | None = Field(None, description="journal, approval, group or temporary limit")
    reason: Text | None = None
    changed_at: Instant
    changed_by: Text


@event(
    "credit.limit.expiring.v1",
    CREDIT,
    example={**CUSTOMER, "currency": "EUR", "credit_limit": "10000.00", "expiry_date": "2026-03-31",
             "as_of": "2026-03-02"},
)  # fmt: skip
class LimitExpiring(CustomerPayload):
    """The permanent limit of a customer expires within the days that the company has set; sent once per date."""

    sequence: Number = Field(ge=1)
    currency: Currency = Field(description="company currency")
    credit_limit: Positive = Field(description="company currency")
    expiry_date: BusinessDate
    as_of: BusinessDate


class TemporaryLimitNotice(Payload):
    """A temporary limit of a customer, or of a credit group."""

    company: CompanyId | None = Field(None, description="absent for a credit group")
    customer: Id | None = Field(None, description="absent for a credit group")
    group: Id | None = None
    sequence: Number = Field(ge=1)
    id: Id
    amount: Positive = Field(description="in `currency`")
    currency: Currency
    from_date: BusinessDate
    to_date: BusinessDate
    as_of: BusinessDate

    def partition_key(self) -> str:
        return f"credit-group/{self.group}" if self.group else f"{self.company}/{self.customer}"

    def parties(self) -> tuple[tuple[str, str], ...]:
        return ((self.company, self.customer),) if self.company and self.customer else ()


TEMPORARY = {**CUSTOMER, "id": "5b1f1a58-5a0e-4e57-8c9e-0d2f3c1f7a11", "amount": "15000.00", "currency": "EUR",
             "from_date": "2026-03-01", "to_date": "2026-03-31"}  # fmt: skip


@event("credit.temporary-limit.started.v1", CREDIT, example={**TEMPORARY, "as_of": "2026-03-01"})
class TemporaryLimitStarted(TemporaryLimitNotice):
    """A temporary limit replaces the permanent one from today on."""


@event("credit.temporary-limit.ended.v1", CREDIT, example={**TEMPORARY, "as_of": "2026-04-01"})
class TemporaryLimitEnded(TemporaryLimitNotice):
    """A temporary limit has ended; the permanent one applies again."""


class AdjustmentNotice(Payload):
    """A credit limit adjustment journal."""

    company: CompanyId
    journal: Id
    sequence: Number = Field(ge=1)
    type: Literal["credit_limit", "temporary_credit_limit"]
    description: Text = ""
    lines: Number = Field(ge=0, description="how many lines the act concerned")
    by: Text
    at: Instant

    def partition_key(self) -> str:
        return f"adjustment/{self.company}/{self.journal}"


JOURNAL = {"company": "DE01", "journal": "ADJ-000001", "sequence": 1, "type": "credit_limit",
           "description": "Yearly review", "lines": 3, "by": "kim", "at": "2026-03-02T12:00:00Z"}  # fmt: skip


@event("credit.adjustment.submitted.v1", CREDIT, example=JOURNAL)
class AdjustmentSubmitted(AdjustmentNotice):
    """A journal, or lines of it, wait for approval."""


@event("credit.adjustment.approved.v1", CREDIT, example=JOURNAL)
class AdjustmentApproved(AdjustmentNotice):
    """A journal, or a line of it, was approved and can be posted."""


@event("credit.adjustment.denied.v1", CREDIT, example=JOURNAL)
class AdjustmentDenied(AdjustmentNotice):
    """The approval of a journal, or of a line of it, was denied."""


@event("credit.adjustment.posted.v1", CREDIT, example=JOURNAL)
class AdjustmentPosted(AdjustmentNotice):
    """The approved lines of a journal have taken effect."""


POLICY = {"id": "P-1", "kind": "insurance", "value": "50000.00", "currency": "EUR", "update_credit_limit_pct": "50",
          "effective_from": "2026-01-01", "expires_on": "2026-12-31"}  # fmt: skip


@event("credit.policy.changed.v1", CREDIT, example={**CUSTOMER, **AT, "policy": POLICY, "version": 1})
class PolicyChanged(CustomerPayload):
    """An insurance or a guarantee was added, changed or removed."""

    sequence: Number = Field(ge=1)
    policy: CreditPolicy
    version: Number = Field(ge=1)
    deleted: bool = False
    changed_at: Instant
    changed_by: Text


@event("credit.policy.expiring.v1", CREDIT, example={**CUSTOMER, "policy": POLICY, "as_of": "2026-12-01"})
class PolicyExpiring(CustomerPayload):
    """A policy expires within the days that the company has set; sent once per date."""

    sequence: Number = Field(ge=1)
    policy: CreditPolicy
    as_of: BusinessDate


@event("credit.review.due.v1", CREDIT, example={**CUSTOMER, "next_review_date": "2026-03-02", "as_of": "2026-03-02"})
class ReviewDue(CustomerPayload):
    """The date of the next review of a customer has come; sent once per date."""

    sequence: Number = Field(ge=1)
    next_review_date: BusinessDate
    as_of: BusinessDate


class OpenDocument(Part):
    """A document that was open, as Holdfast has it."""

    document: Id
    kind: Text
    open_amount: Amount = Field(description="currency of the difference; negative for a credit")


@event(
    "credit.balance-difference.found.v1",
    CREDIT,
    example={**CUSTOMER, "currency": "EUR", "as_of": "2026-02-28", "report_version": 20260228, "reported": "2380.00",
             "computed": "1190.00", "documents": [{"document": "INV-1", "kind": "invoice", "open_amount": "1190.00"}],
             "found_at": "2026-03-02T03:00:00Z"},
)  # fmt: skip
class BalanceDifferenceFound(CustomerPayload):
    """A control total of the ERP differs from the open items that Holdfast has: please send the customer's documents
    anew. Nothing is corrected without them; a difference that stays as it is is told once."""

    sequence: int = Field(ge=1, description="grows by one with each event of this key on this topic")
    currency: Currency
    as_of: BusinessDate = Field(description="the day that the control total speaks of")
    report_version: int = Field(description="version of the erp.balance.reported.v1 that was compared")
    reported: Amount = Field(description="open debits less open credits by the ERP, `currency`")
    computed: Amount = Field(description="the same by the documents that Holdfast has, `currency`")
    documents: tuple[OpenDocument, ...] = Field((), description="what was open on that day, at most 200 documents")
    found_at: Instant


__all__ = [
    "AdjustmentApproved", "AdjustmentDenied", "AdjustmentPosted", "AdjustmentSubmitted", "BalanceDifferenceFound",
    "LimitChanged", "LimitExpiring", "OpenDocument", "PolicyChanged", "PolicyExpiring", "ReviewDue",
    "TemporaryLimitEnded", "TemporaryLimitStarted",
]  # fmt: skip
