"""What the paths of the risk, statistics and fact box routes have in common."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from holdfast.database.work import Work
from holdfast.web.auth import Caller
from holdfast.web.problems import field_problem, not_found

Company = Annotated[str, Path(max_length=20, pattern=r"^[^/\s\x00]+$")]
Customer = Annotated[str, Path(max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
Code = Annotated[str, Path(max_length=30, pattern=r"^[^/\s\x00-\x1f\x7f]+$")]
CodeFilter = Annotated[str | None, Query(max_length=30, pattern=r"^[^\x00]+$")]


def see(caller: Caller, company: str) -> None:
    """Raises Problem 404 for a company that is not the caller's."""
    if not caller.sees(company):
        raise not_found(f"company {company}")


async def must_be_known(work: Work, company: str, customer: str) -> None:
    """Raises Problem 404 for a customer nothing was ever heard of."""
    if not await work.conn.fetchval("SELECT true FROM account WHERE company = $1 AND customer = $2", company, customer):
        raise not_found(f"customer {company}/{customer}")


async def business_settings(work: Work, company: str) -> tuple[str, str]:
    """Currency and time zone of a company. Raises Problem 422 while its master data has not come."""
    row = await work.conn.fetchrow(
        "SELECT currency, time_zone FROM company WHERE company = $1 AND currency IS NOT NULL", company
    )
    if row is None:
        raise field_problem(
            422, "company-unknown", "The company's currency is not known yet", "company", company,
            "its master data has not arrived", "Let the ERP send erp.company.changed.v1 for it first.",
        )  # fmt: skip
    return row["currency"], row["time_zone"]
