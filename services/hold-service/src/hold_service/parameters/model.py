"""Parameters of a company (spec 1.20): those of credit holds are ours, those of limits come from credit-service."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.base import Code, Percent, Positive, Text
from holdfast.receivables.limits import Comparison, PolicyMode
from holdfast.receivables.model import Counted, LimitType


class HoldParameters(BaseModel):
    """How a company holds and releases orders. Amounts are in company currency."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={
        "examples": [{"skip_rules_after_release": False, "release_value_tolerance_percent": "10"}]})  # fmt: skip

    skip_rules_after_release: bool = Field(False, description="a released order is not checked again")
    cancel_reason: Text | None = Field(None, description="release reason of a held order that is cancelled")
    modified_order_release_reason: Text | None = Field(
        None, description="release reason of a held order that is changed so that no reason to hold it is left"
    )
    check_when_payment_terms_increase: bool = Field(
        False, description="terms that rank above the customer's default, or above those last released, hold an order"
    )
    check_when_cash_discount_increases: bool = Field(
        False, description="a cash discount that ranks above the default, or the one last released, holds an order"
    )
    ignore_blank_expiry: bool = Field(True, description="false: a limit without an expiry date counts as expired")
    remove_blocked_load_lines: bool = Field(False, description="a held order's lines leave the load")
    auto_release: bool = Field(
        True, description="false: evaluation marks holds ready and leaves the release to a person"
    )
    auto_release_submitted: Literal["close_and_release", "leave"] = Field(
        "close_and_release", description="a hold that waits for approval and becomes ready"
    )
    approval_releases: bool = Field(
        True, description="an approved release or rejection takes effect by itself; false: it is only made possible"
    )
    auto_release_reason: Text | None = Field(None, description="release reason of a hold that is released by itself")
    auto_release_mode: Literal["with_posting", "without_posting"] = Field(
        "without_posting", description="how a hold is released by itself"
    )
    escalate_after_days: int | None = Field(
        None, ge=1, le=365, description="days after which a hold is reported to somebody higher up, and again each time"
    )
    evaluate_daily: bool = Field(True, description="held orders are evaluated once each business day")
    release_admits_held_document: bool = Field(True, description="after a release the held document goes through once")
    release_value_tolerance_percent: Percent = Field(
        Decimal(0), description="how much above the released value still counts as released, percent"
    )
    skip_check_when_cancelling_packing_slip: bool = Field(
        True, description="a packing slip that is cancelled (`change: cancel` of the check) is not checked"
    )
    skip_check_when_reducing_packing_slip: bool = Field(
        True, description="a packing slip that is corrected downwards (`change: reduce`) is not checked"
    )
    check_after_load_validation: bool = Field(
        False, description="for the ERP to read: whether it asks at warehouse_shipment before or after it validates "
        "the load. No event says when a load was validated, so that a request is answered whenever it comes",
    )  # fmt: skip
    blocking_calc_base: Literal["balance_positive", "overdue", "overdue_including_grace"] = Field(
        "overdue", description="what must be true before overdue rules look at a customer"
    )
    exclude_account_below: Positive = Field(Decimal(0), description="a smaller balance is not tested for overdue")
    exclude_overdue_invoice_below: Positive = Field(Decimal(0), description="smaller overdue invoices are ignored")
    exclude_sales_order_below: Positive = Field(Decimal(0), description="smaller orders are never checked")
    exclude_disputed_invoices: bool = Field(False, description="disputed invoices are not overdue")
    use_unallocated: bool = Field(False, description="unsettled credits reduce the overdue amount")
    overdue_date_basis: Literal["due_date", "transaction_date"] = Field(
        "due_date", description="the day from which lateness is counted"
    )
    cod_payment_term: Code | None = Field(
        None, description="payment term whose rule (kind payment_term) holds for cod_payment"
    )
    allow_confirmation: bool = Field(False, description="confirmations go through although the order is held")
    allow_picking: bool = Field(False, description="picking lists go through although the order is held")


class CreditParameters(BaseModel):
    """Our copy of what credit-service says about limits (`credit.parameters.changed.v1`)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    credit_management_enabled: bool = True
    credit_limit_type: LimitType = LimitType.BALANCE_AND_ALL
    open_orders_counted: Counted = Counted.PASSED_AND_EARLIER
    open_order_horizon_days: int | None = None
    limit_comparison: Comparison = Comparison.STRICT
    check_customer_credit_groups: bool = False
    flagged_policy_mode: PolicyMode = PolicyMode.EXPOSURE_ONLY
    credit_limit_exchange_rate_type: str | None = None
    check_limit_on_sales_order: bool = True
    check_limit_on_free_text_invoice: bool = False
    message_when_exceeding: Literal["warning", "error"] = "warning"
    bypass_inventory_reservations: bool = True
