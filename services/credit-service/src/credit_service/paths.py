"""What the paths, filters and cursors of the routes have in common."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from holdfast.database.work import Work
from holdfast.web.paging import decode_cursor
from holdfast.web.problems import Problem, field_problem, not_found

Customer = Annotated[str, Path(max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
Code = Annotated[str, Path(max_length=30, pattern=r"^[^/\s\x00-\x1f\x7f]+$")]
Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]
CodeFilter = Annotated[str | None, Query(max_length=30, pattern=r"^[^\x00]+$")]

UNHEARD_OF = "nothing was ever heard of this customer"
UNHEARD_OF_REMEDY = (
    "Correct the number, or let the ERP send erp.customer.changed.v1 first; send confirm_unknown_customer true if it "
    "will come later."
)


async def must_be_known(work: Work, company: str, customer: str) -> None:
    """Raises Problem 404 for a customer nothing was ever heard of."""
    if not await _is_known(work, company, customer):
        raise not_found(f"customer {company}/{customer}")


async def must_be_heard_of(work: Work, company: str, customer: str, *, confirmed: bool) -> None:
    """Raises Problem 422 for a customer nothing was ever heard of, whose number may be mistyped, unless that is meant.

    Facts come in any order: what is set up before the ERP tells of a customer is said to be so.
    """
    if not confirmed and not await _is_known(work, company, customer):
        raise field_problem(
            422, "unknown-customer", "The customer is not known", "customer", f"{company}/{customer}", UNHEARD_OF,
            UNHEARD_OF_REMEDY,
        )  # fmt: skip


async def _is_known(work: Work, company: str, customer: str) -> bool:
    found = await work.conn.fetchval("SELECT true FROM account WHERE company = $1 AND customer = $2", company, customer)
    return bool(found)


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


def date_and_id(cursor: str | None) -> tuple[date, UUID] | None:
    """The place after a row that is sorted by a date and its id. Raises Problem 400."""
    found = decode_cursor(cursor, str, str)
    try:
        return (date.fromisoformat(found[0]), UUID(found[1])) if found else None
    except ValueError:
        raise bad_cursor() from None


def date_and_party(cursor: str | None) -> tuple[date, str, str] | None:
    """The place after a row that is sorted by a date and its customer. Raises Problem 400."""
    found = decode_cursor(cursor, str, str, str)
    try:
        return (date.fromisoformat(found[0]), found[1], found[2]) if found else None
    except ValueError:
        raise bad_cursor() from None


def date_and_document(cursor: str | None) -> tuple[date, str] | None:
    """The place after a row that is sorted by a date and a document's number. Raises Problem 400."""
    found = decode_cursor(cursor, str, str)
    try:
        return (date.fromisoformat(found[0]), found[1]) if found else None
    except ValueError:
        raise bad_cursor() from None


def bad_cursor() -> Problem:
    """A cursor that is not one of ours."""
    return Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.")
