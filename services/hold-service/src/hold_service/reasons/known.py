"""A reason must exist in the company of the order that it is given for (spec 1.4)."""

from __future__ import annotations

from hold_service.parameters.store import read_parameters
from hold_service.reasons import store
from holdfast.database.work import Work
from holdfast.web.problems import Problem, field_problem

OF_PARAMETERS = ("cancel_reason", "modified_order_release_reason", "auto_release_reason")
"""Parameters that name a release reason: what holds end with by themselves."""


async def must_exist(work: Work, company: str, kind: str, reason: str, field: str = "reason") -> None:
    """Raises Problem 422."""
    if await store.read_reason(work, company, kind, reason) is None:
        raise field_problem(
            422, "reason-unknown", "There is no such reason", field, reason,
            f"company {company} has no {kind} reason of that name",
            f"Choose one of GET /v1/reasons/{company}, or add it: PUT /v1/reasons/{company}/{kind}/{{id}}.",
        )  # fmt: skip


async def must_be_unused(work: Work, company: str, kind: str, reason: str) -> None:
    """Raises Problem 409 for a reason that holds are to end with by themselves; the set-up of the company is locked.

    Holds that were given it are history: they keep it.
    """
    row = await read_parameters(work, company)
    named = [name for name in OF_PARAMETERS if row and kind == "release" and row["settings"].get(name) == reason]
    if named:
        raise Problem(
            409, "in-use", "Something refers to it",
            f"The parameters {', '.join(named)} of company {company} name {reason}. Let them name another one first.",
        )  # fmt: skip
