"""The kinds of rules; importing this package registers them in the order in which reasons are listed."""

from hold_service.rules.kinds import (  # isort: skip
    days_overdue,
    account_status,
    payment_term,
    credit_limit_expired,
    overdue_amount,
    sales_order,
    credit_limit_used,
    increases,
    risk_group,
    dunning_level,
    review_date_passed,
    average_days_late,
    broken_promise,
    disputed_share,
)

__all__ = [
    "account_status", "average_days_late", "broken_promise", "credit_limit_expired", "credit_limit_used",
    "days_overdue", "disputed_share", "dunning_level", "increases", "overdue_amount", "payment_term",
    "review_date_passed", "risk_group", "sales_order",
]  # fmt: skip
