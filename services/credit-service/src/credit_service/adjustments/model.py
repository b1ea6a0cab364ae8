"""Credit limit adjustments: what a line may be, and what the generator makes of a limit (spec 1.12, 2.11).

Plain values. Amounts are in company currency, those of credit groups in group currency.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from credit_service.tables.model import Fault
from holdfast.receivables.money import rounded

Rounding = Literal["up", "down", "nearest"]
ValueType = Literal["fixed", "percentage"]
ROUNDINGS = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "nearest": ROUND_HALF_UP}


class JournalType(StrEnum):
    """What a journal changes."""

    PERMANENT = "credit_limit"
    TEMPORARY = "temporary_credit_limit"


class Status(StrEnum):
    """Where a journal, or a line of it, stands with its approval (spec 1.17)."""

    DRAFT = "draft"
    PENDING = "approval_pending"
    DENIED = "approval_denied"
    CHANGE_REQUESTED = "change_requested"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Line:
    """A new limit of a customer or of a credit group, exactly one of the two. It replaces, it is not added.

    `new_to` is the last day of the limit; `new_from` is the first one of a temporary limit. `replaces` is the
    temporary limit that ends when this line is posted. `currency` is what the amount was given in, if that was said.
    """

    customer: str | None
    credit_group: str | None
    new_limit: Decimal
    new_from: date | None
    new_to: date
    replaces: UUID | None = None
    currency: str | None = None

    @property
    def subject(self) -> str:
        """Whose limit it is, for people."""
        return f"customer {self.customer}" if self.customer else f"credit group {self.credit_group}"


def fault_of(kind: JournalType, line: Line, currency: str) -> Fault | None:
    """What is wrong with a line by itself; None when nothing is (spec 1.12, rows 117 and 118)."""
    if (line.customer is None) == (line.credit_group is None):
        both = line.customer is not None
        return Fault("credit_group", line.credit_group, "a line names both" if both else "a line names neither",
                     "Name a customer or a credit group, not both.")  # fmt: skip
    if line.currency not in (None, currency):
        return Fault("new_limit.currency", line.currency, f"the limit is kept in {currency}", f"Send it in {currency}.")
    if line.new_limit < 0 or rounded(line.new_limit, currency) != line.new_limit:
        return Fault("new_limit.amount", f"{line.new_limit:f}", f"below zero, or finer than {currency} has minor units",
                     "Send an amount of 0 or more in whole minor units.")  # fmt: skip
    if kind is JournalType.TEMPORARY and line.new_from is None:
        return Fault("new_from_date", None, "a temporary limit has no first day", "Send new_from_date.")
    if kind is JournalType.PERMANENT and (line.new_from is not None or line.replaces is not None):
        return Fault("new_from_date", str(line.new_from or line.replaces), "only a temporary limit has a first day",
                     "Leave new_from_date and replaces_temporary_id out, or use a temporary journal.")  # fmt: skip
    if line.new_from is not None and line.new_to < line.new_from:
        return Fault("new_to_date", str(line.new_to), "the limit ends before it begins",
                     "Send a date not before new_from_date.")  # fmt: skip
    return None


def duplicate(lines: Collection[Line], known: Collection[str]) -> str | None:
    """Whom a permanent journal would name twice; `known` are the subjects of its lines so far."""
    seen = set(known)
    for line in lines:
        if line.subject in seen:
            return line.subject
        seen.add(line.subject)
    return None


def generated(
    current: Decimal, value: Decimal, value_type: ValueType, round_off: Decimal | None, form: Rounding, currency: str
) -> Decimal:
    """The limit the generator proposes: raised or lowered, rounded to a multiple, at least 0 (spec 2.11)."""
    raw = current + value if value_type == "fixed" else current * (1 + value / 100)
    if round_off:
        raw = (raw / round_off).quantize(Decimal(1), ROUNDINGS[form]) * round_off
    return max(Decimal(0), rounded(raw, currency))


def shifted(existing: date | None, days: int) -> date | None:
    """A relative date: the existing one and some days; None when there is none to start from (spec 2.11)."""
    return None if existing is None else existing + timedelta(days=days)
