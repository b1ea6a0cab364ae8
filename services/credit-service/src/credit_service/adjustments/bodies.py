"""What the routes of adjustments take."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from credit_service.adjustments.automatic import Wanted
from credit_service.adjustments.generating import Order
from credit_service.adjustments.model import JournalType, Line
from credit_service.automatic.proposing import Chosen
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import Amount, BusinessDate, Code, CompanyId, Id, Positive
from holdfast.web.money import MoneyModel

OF_EXISTING = {"adjustment_value", "value_type", "round_off", "rounding_form", "from_offset_days", "to_offset_days"}
"""What only limits that exist are changed by."""
Offset = Annotated[int, Field(ge=-3660, le=3660)]


class LineBody(BaseModel):
    """A new limit of a customer or of a credit group; it replaces the limit, it is not added to it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"customer": "C-1001", "new_limit": {"amount": "12000.00", "currency": "EUR"}, "new_to_date": "2026-12-31"},
    ]})  # fmt: skip

    customer: Id | None = None
    credit_group: Id | None = None
    new_limit: MoneyModel = Field(description="in company currency; of a credit group: in group currency")
    new_from_date: BusinessDate | None = Field(None, description="first day; temporary limits only, mandatory there")
    new_to_date: BusinessDate = Field(description="expiry: the last day of the limit")
    replaces_temporary_id: UUID | None = Field(None, description="temporary limit that ends when this is posted")

    def line(self) -> Line:
        """As the model has it."""
        return Line(
            self.customer, self.credit_group, self.new_limit.amount, self.new_from_date, self.new_to_date,
            self.replaces_temporary_id, self.new_limit.currency,
        )  # fmt: skip


class JournalBody(BaseModel):
    """A journal of permanent or of temporary limits."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"company": "DE01", "type": "credit_limit", "description": "Yearly review"}]})  # fmt: skip

    company: CompanyId
    type: JournalType
    description: Text = Field("", max_length=200)
    lines: tuple[LineBody, ...] = Field((), max_length=10_000, description="more come by generate or import")


class DescriptionBody(BaseModel):
    """What may be changed of a journal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"description": "Yearly review 2026"}]})

    description: Text = Field(max_length=200)


class SubmitBody(BaseModel):
    """Why; those who approve read it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "reviewed with sales"}]})

    note: Text | None = None
    confirm_group_limit: bool = Field(False, description="own limits of 0 are meant to leave the group's limit alone")


class Proposed(BaseModel):
    """Whose limits are proposed, and what becomes of those that exist (spec 1.12, 2.11)."""

    model_config = ConfigDict(extra="forbid")

    source: Literal["existing_customers", "existing_credit_groups", "automatic_limits"] = Field(
        description="automatic_limits takes its last day (and the first in a temporary journal) and whom, nothing else"
    )
    adjustment_value: Amount = Field(Decimal(0), description="amount or percent to add; negative lowers")
    value_type: Literal["fixed", "percentage"] | None = Field(None, description="mandatory for limits that exist")
    round_off: Positive | None = Field(None, description="round to a multiple of this; absent or 0: minor units")
    rounding_form: Literal["up", "down", "nearest"] = "nearest"
    date_method: Literal["absolute", "relative"] | None = Field(None, description="mandatory for limits that exist")
    from_offset_days: Offset | None = None
    to_offset_days: Offset | None = None
    customers: tuple[Id, ...] | None = Field(None, max_length=10_000, description="only these accounts")
    credit_groups: tuple[Id, ...] | None = Field(None, max_length=1_000, description="only these groups")
    credit_management_group: Code | None = None
    risk_group: Code | None = None
    expiring_until: BusinessDate | None = Field(None, description="only limits that expire by then")


class GenerateBody(Proposed):
    """Which limits to propose: from those that exist (spec 2.11), or from the rules of automatic limits (spec 2.10)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"source": "existing_customers", "adjustment_value": "10", "value_type": "percentage", "round_off": "100",
         "rounding_form": "up", "date_method": "absolute", "new_to": "2026-12-31"}]})  # fmt: skip

    new_from: BusinessDate | None = None
    new_to: BusinessDate | None = None

    @model_validator(mode="after")
    def _fits_the_source(self) -> GenerateBody:
        if self.source != "automatic_limits":
            if self.value_type is None or self.date_method is None:
                raise ValueError("limits that exist need value_type and date_method")
            return self
        if self.date_method == "relative" or OF_EXISTING & self.model_fields_set:
            raise ValueError(f"automatic_limits takes none of {', '.join(sorted(OF_EXISTING))}, and no relative dates")
        if self.new_to is None:
            raise ValueError("automatic_limits needs new_to, the last day of the limits")
        if self.new_from is not None and self.new_to < self.new_from:
            raise ValueError("new_to lies before new_from")
        return self

    @model_validator(mode="after")
    def _dates_fit(self) -> GenerateBody:
        if self.date_method == "absolute" and (self.new_to is None or self.to_offset_days is not None):
            raise ValueError("absolute dates need new_to and no offsets")
        if self.date_method == "relative" and (self.to_offset_days is None or self.new_to or self.new_from):
            raise ValueError("relative dates need to_offset_days and no dates")
        if self.customers is not None and self.source == "existing_credit_groups":
            raise ValueError("customers are not chosen with the source existing_credit_groups")
        if self.credit_groups is not None and self.source != "existing_credit_groups":
            raise ValueError("credit_groups are chosen with the source existing_credit_groups only")
        return self

    def order(self, kind: JournalType) -> Order | Wanted:
        """As the generator of the source takes it."""
        if self.source == "automatic_limits":
            assert self.new_to is not None, "automatic limits without a last day are refused"
            chosen = Chosen(self.customers, self.credit_management_group, self.risk_group, self.expiring_until)
            return Wanted(chosen, self.new_to, self.new_from if kind is JournalType.TEMPORARY else None)
        assert self.value_type is not None, "limits that exist without a kind of change are refused"
        return Order(
            source=self.source, value=self.adjustment_value, value_type=self.value_type, round_off=self.round_off,
            rounding_form=self.rounding_form, new_from=self.new_from, new_to=self.new_to,
            from_offset_days=self.from_offset_days, to_offset_days=self.to_offset_days,
            names=self.customers if self.source == "existing_customers" else self.credit_groups,
            credit_management_group=self.credit_management_group, risk_group=self.risk_group,
            expiring_until=self.expiring_until,
        )  # fmt: skip


class NewGeneratedBody(GenerateBody):
    """A new journal, and which lines it begins with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"company": "DE01", "type": "credit_limit", "description": "Yearly review", "source": "existing_customers",
         "adjustment_value": "10", "value_type": "percentage", "date_method": "absolute", "new_to": "2026-12-31"},
    ]})  # fmt: skip

    company: CompanyId
    type: JournalType = JournalType.PERMANENT
    description: Text = Field("", max_length=200)
