"""The kinds of rules; importing this package registers them in the order in which reasons are listed."""

from hold_service.rules.kinds import credit_limit_used, days_overdue

__all__ = ["credit_limit_used", "days_overdue"]
