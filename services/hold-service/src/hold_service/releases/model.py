"""What a person may ask for when a held order is let go or refused. Plain values."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hold_service.holds.model import Mode, Row, released_value
from holdfast.contracts.base import Amount, Text
from holdfast.contracts.refusals import refused
from holdfast.contracts.scalars import HOLD_NUMBER, BusinessDate, Id

HoldNumber = Annotated[str, Field(pattern=HOLD_NUMBER)]


class ReleaseRequest(BaseModel):
    """Let a held order go on: all of it, or up to an amount, or some lines."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"reason": "PAID", "mode": "without_posting", "note": "paid by card"}]})  # fmt: skip

    reason: Id = Field(description="a release reason of the order's company; kept and sent to the ERP")
    mode: Mode = Field(
        "without_posting", description="with_posting sends the saved posting request back to the ERP, once"
    )
    note: Text | None = None
    review_date: BusinessDate | None = None
    up_to_amount: Amount | None = Field(None, gt=0, description="order value the release counts up to, order currency")
    lines: tuple[int, ...] = Field((), max_length=1000, description="only these lines of the order")
    valid_until: BusinessDate | None = Field(None, description="last day on which the release counts")

    @model_validator(mode="after")
    def _one_part(self) -> ReleaseRequest:
        if self.lines and self.up_to_amount is not None:
            remedy = "Send either lines or up_to_amount."
            raise refused("sent together with up_to_amount", remedy, "lines", list(self.lines))
        return self

    def amount(self, hold: Row) -> Decimal | None:
        """Up to what order value the release counts; None for all of it. Raises ValueError for an unknown line."""
        if not self.lines:
            return self.up_to_amount
        value = released_value(hold, self.lines)
        if value is None:
            raise ValueError("the order has no such line")
        return value


class RejectRequest(BaseModel):
    """Refuse to let a held order go on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"reason": "INSOLVENT", "note": "has filed for insolvency"}]})  # fmt: skip

    reason: Id | None = Field(None, description="a release reason of the order's company")
    note: Text | None = None


class BulkLine(BaseModel):
    """One hold of a bulk action, in the version that was read."""

    model_config = ConfigDict(extra="forbid")

    hold: HoldNumber
    version: int | None = Field(None, ge=1, description="refused when the hold has changed meanwhile; absent: any")


class BulkRequest(BaseModel):
    """The same action on many holds; each succeeds or fails on its own.

    `submit` asks for approval; `approve`, `deny` and `recall` are about releases that were asked for.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"action": "release", "holds": [{"hold": "H-000017", "version": 1}], "reason": "PAID"}]})  # fmt: skip

    action: Literal["release", "reject", "evaluate", "submit", "approve", "deny", "recall"]
    holds: tuple[BulkLine, ...] = Field(min_length=1, max_length=200)
    reason: Id | None = Field(None, description="needed for a release")
    mode: Mode = "without_posting"
    note: Text | None = None
    review_date: BusinessDate | None = None
    valid_until: BusinessDate | None = Field(None, description="last day on which the releases count")

    @model_validator(mode="after")
    def _complete(self) -> BulkRequest:
        if self.action in ("release", "submit") and self.reason is None:
            raise refused("a release needs one", "Send a release reason of the orders' company.", "reason", "nothing")
        named = [line.hold for line in self.holds]
        for place, hold in enumerate(named):
            if hold in named[:place]:
                raise refused("the same hold is named twice", "Name each hold once.", f"holds.{place}.hold", hold)
        return self

    @property
    def release(self) -> ReleaseRequest:
        """What is wanted of each hold that is released or submitted."""
        return ReleaseRequest(
            reason=self.reason or "", mode=self.mode, note=self.note, review_date=self.review_date,
            valid_until=self.valid_until,
        )  # fmt: skip


class EvaluateRequest(BaseModel):
    """Run the rules again on held orders (spec 3.10): all, those of one company or customer, or chosen holds."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"company": "DE01", "customer": "C-1001"}]})  # fmt: skip

    company: Id | None = None
    customer: Id | None = None
    holds: tuple[HoldNumber, ...] = Field((), max_length=500)
