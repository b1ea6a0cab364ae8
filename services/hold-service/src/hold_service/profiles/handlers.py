"""Credit profiles come from credit-service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.bus.envelope import Incoming
from holdfast.contracts.base import Part
from holdfast.contracts.credit import ProfileChanged
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.upserts import Fact, upsert

PROFILE = Fact(
    ProfileChanged.event_type, "profile", {"company": "text", "customer": "text"}, "version",
    {"currency": "text", "credit_limit": "numeric", "credit_limit_expiry_date": "date", "mandatory": "boolean",
     "unlimited": "boolean", "excluded": "boolean", "temporary_limits": "jsonb", "policies": "jsonb",
     "account_status": "text", "hold_effect": "text", "credit_management_group": "text", "risk_group": "text",
     "ignore_until_date": "date", "next_review_date": "date", "average_days_late": "numeric"},
)  # fmt: skip


async def apply_profiles(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the newest version of each profile."""
    await upsert(work, PROFILE, [_row(event.payload) for event in events])


def _row(p: ProfileChanged) -> tuple[Any, ...]:
    return (
        p.company, p.customer, p.version, p.currency, p.credit_limit, p.credit_limit_expiry_date,
        p.mandatory_credit_limit, p.unlimited_credit, p.exclude_from_credit_management, _json(p.temporary_limits),
        _json(p.policies), p.account_status, p.invoicing_delivery_on_hold, p.credit_management_group, p.risk_group,
        p.ignore_until_date, p.next_review_date, p.average_days_late,
    )  # fmt: skip


def _json(parts: Sequence[Part]) -> str:
    return to_json([part.model_dump(mode="json") for part in parts])
