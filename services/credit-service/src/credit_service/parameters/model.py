"""The parameters of a company (spec 1.20, credit limits). Plain values."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.scalars import Code


class Parameters(BaseModel):
    """How limits of a company are tested and who may change them."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [
        {"check_customer_credit_groups": True, "allow_manual_limit_edit": True}]})  # fmt: skip

    credit_management_enabled: bool = Field(True, description="off: nothing is held and nothing is tested")
    credit_limit_type: Literal["none", "balance", "balance_and_packing_slip", "balance_and_all"] = Field(
        "balance_and_all", description="what counts as exposure (spec 2.1)"
    )
    open_orders_counted: Literal["passed_and_earlier", "all", "passed_only"] = Field(
        "passed_and_earlier", description="which other open orders count"
    )
    open_order_horizon_days: int | None = Field(
        None, ge=0, le=3650, description="orders to be delivered later than so many days do not count; absent: all do"
    )
    limit_comparison: Literal["strict", "inclusive"] = Field(
        "strict", description="inclusive: a limit that is used exactly is exceeded"
    )
    check_customer_credit_groups: bool = Field(False, description="shared group limits are tested")
    flagged_policy_mode: Literal["exposure_only", "reduce_limit"] = Field(
        "exposure_only", description="what policies that are included in the exposure do to the limit (spec 2.3)"
    )
    credit_limit_exchange_rate_type: Code | None = Field(
        None, description="rate set that converts limits; absent: the company's default"
    )
    check_limit_on_sales_order: bool = Field(True, description="off: the rule credit limit used never runs")
    check_limit_on_free_text_invoice: bool = Field(False, description="limit check of free-text invoices")
    message_when_exceeding: Literal["warning", "error"] = Field("warning", description="what a limit check answers")
    bypass_inventory_reservations: bool = Field(True, description="the full quantity is checked, reserved or not")
    eligible_limit_check: Literal["off", "warning", "refused"] = Field(
        "warning", description="a new limit above the eligible one: nothing, a warning in the answer, or refused"
    )
    allow_manual_limit_edit: bool = Field(False, description="off: only posted adjustments change limits")
    require_identification: Literal["no", "yes", "from_limit"] = Field(
        "no", description="whether a government id is needed before a limit is given"
    )
    identification_limit: Decimal | None = Field(None, ge=0, description="from this limit on, company currency")
    limit_expiry_notice_days: int = Field(30, ge=0, le=366, description="a limit that expires is announced so early")
    policy_expiry_notice_days: int = Field(30, ge=0, le=366, description="a policy that expires is announced so early")
    automatic_limits_scheduled: bool = Field(
        False, description="each business day the limits that the rules change are drafted as a journal (spec 2.10)"
    )
    automatic_limits_valid_days: int = Field(365, ge=1, le=3660, description="how long an automatic limit lasts")
    review_notice_days: int = Field(0, ge=0, le=366, description="a review that falls due is announced so early")


COUNTING = {
    "credit_limit_type": ("none", "balance", "balance_and_packing_slip", "balance_and_all"),
    "open_orders_counted": ("passed_only", "passed_and_earlier", "all"),
}
"""What counts against limits, from the least to the most."""
STRICT = {
    "credit_management_enabled": True, "check_limit_on_sales_order": True, "check_limit_on_free_text_invoice": True,
    "flagged_policy_mode": "reduce_limit", "limit_comparison": "inclusive", "message_when_exceeding": "error",
}  # fmt: skip
"""Of parameters with two values the one by which less may be owed."""
EITHER_WAY = ("check_customer_credit_groups", "credit_limit_exchange_rate_type")
"""By which some customers may owe more and others less."""


def loosens(before: Parameters, after: Parameters) -> bool:
    """Whether a change of parameters lets some customer owe more (spec 1.17)."""
    if any(order.index(getattr(after, n)) < order.index(getattr(before, n)) for n, order in COUNTING.items()):
        return True
    if any(getattr(before, name) == strict != getattr(after, name) for name, strict in STRICT.items()):
        return True
    if any(getattr(before, name) != getattr(after, name) for name in EITHER_WAY):
        return True
    horizon, former = after.open_order_horizon_days, before.open_order_horizon_days
    return horizon is not None and (former is None or horizon < former)


PUBLISHED = frozenset({
    "credit_management_enabled", "credit_limit_type", "open_orders_counted",
    "open_order_horizon_days", "limit_comparison",
    "check_customer_credit_groups", "flagged_policy_mode", "credit_limit_exchange_rate_type",
    "check_limit_on_sales_order", "check_limit_on_free_text_invoice", "message_when_exceeding",
    "bypass_inventory_reservations",
})  # fmt: skip
"""What other services need to decide by themselves."""
