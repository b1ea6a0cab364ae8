"""A reason must exist in the company of the order that it is given for (spec 1.4)."""

from __future__ import annotations

from hold_service.reasons import store
from holdfast.database.work import Work
from holdfast.web.problems import field_problem


async def must_exist(work: Work, company: str, kind: str, reason: str, field: str = "reason") -> None:
    """Raises Problem 422."""
    if await store.read_reason(work, company, kind, reason) is None:
        raise field_problem(
            422, "reason-unknown", "There is no such reason", field, reason,
            f"company {company} has no {kind} reason of that name",
            f"Choose one of GET /v1/reasons/{company}, or let somebody add it.",
        )  # fmt: skip
