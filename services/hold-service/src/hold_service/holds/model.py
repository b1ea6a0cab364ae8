"""Holds as people see them, how an evaluation changes one, and what a hold reserves. Plain values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol

from hold_service.checks.stops import STOPS
from hold_service.parameters.model import HoldParameters
from holdfast.contracts.holds import HoldReason
from holdfast.receivables.model import Reservation
from holdfast.receivables.money import rounded

Mode = Literal["with_posting", "without_posting"]
READY, FORCED = HoldReason.READY_FOR_RELEASE.value, HoldReason.FORCED_HOLD.value
WAITING = frozenset({"submitted", "approval_pending", "change_requested"})
"""Workflow states in which somebody has yet to decide."""
READY_TEXT = "No reason is left: the order can be released."


class Row(Protocol):
    """A stored hold."""

    def __getitem__(self, name: str) -> Any: ...


class Outcome(StrEnum):
    """What an evaluation does to a hold."""

    HELD = "held"
    READY = "ready"
    RELEASED = "released"
    CANCELLED = "cancelled"
    HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What an evaluation found: reasons with their explanations, those that are gone, and what becomes of the hold."""

    outcome: Outcome
    seen: Mapping[str, str]
    gone: Sequence[str]
    newly_ready: bool = False


def weigh(
    active: Collection[str], found: Mapping[str, str], *, forced: bool, automatic: bool, complete: bool = True
) -> Weighed:
    """Compare the active reasons of a hold with those found now (spec 3.10).

    A forced hold stays when nothing else is left, and so does every hold whose release is left to a person.
    `complete`: whether every rule was asked.
    """
    if found:
        return Weighed(Outcome.HELD, found, reasons_gone(active, found, complete=complete))
    gone = sorted(set(active) - {READY, FORCED})
    if automatic and not forced:
        return Weighed(Outcome.RELEASED, {READY: READY_TEXT}, gone)
    return Weighed(Outcome.READY, {READY: READY_TEXT}, gone, newly_ready=READY not in active)


def reasons_gone(active: Collection[str], found: Mapping[str, str], *, complete: bool) -> list[str]:
    """The active reasons that do not stand any more, since others were found; what rules found before stays where not
    all of them could be asked."""
    asked = set(active) if complete else STOPS | {READY}
    return sorted(asked.intersection(active) - found.keys() - {FORCED})


def hold_id(number: str) -> int:
    """The id behind a number that is written like `HOLD_NUMBER`."""
    return int(number.removeprefix("H-"))


def reservation_of(row: Row, status: str, now: datetime) -> Reservation:
    """What the order of a hold reserves, in its currency."""
    return Reservation(
        company=row["company"],
        order=row["order_no"],
        customer=row["customer"],
        currency=row["order_currency"],
        amount=row["order_total"],
        order_version=row["order_version"],
        status=status,
        created_at=row["order_created_at"],
        reserved_at=now,
    )


def active_reasons(row: Row) -> set[str]:
    """The reasons that stand."""
    return {str(reason["reason"]) for reason in row["reasons"] if reason["active"]}


def primary_reason(reasons: Sequence[Mapping[str, Any]]) -> str:
    """The single active reason, or `multiple` (spec 1.16)."""
    active = [reason["reason"] for reason in reasons if reason["active"]] or ["none"]
    return str(active[0]) if len(active) == 1 else "multiple"


def released_value(row: Row, chosen: Collection[int]) -> Decimal | None:
    """What the chosen lines of an order that is held are worth now, in the currency it was held in; as it was when it
    was held where its state is not known. None when the order has no such line."""
    lines, total, currency = row["state_lines"], row["state_total"], row["order_currency"]
    if not lines or row["state_currency"] != currency:
        lines, total = row["lines"], row["order_total"]
    return value_of_lines(lines, chosen, total, currency)


def value_of_lines(
    lines: Sequence[Mapping[str, Any]], chosen: Collection[int], total: Decimal, currency: str
) -> Decimal | None:
    """What the chosen lines of an order come to, with tax and their share of the charges, which are what the order's
    `total` has beyond its lines; None when the order has no such line."""
    values = {int(line["line"]): Decimal(line["net_amount"]) + Decimal(line["tax_amount"]) for line in lines}
    if not set(chosen) <= values.keys():
        return None
    value, every = sum((values[number] for number in set(chosen)), Decimal(0)), sum(values.values(), Decimal(0))
    charges = max(Decimal(0), total - every)
    return rounded(value + charges * value / every, currency) if every else value


def automatic_reason(parameters: HoldParameters, row: Row) -> str | None:
    """The reason of an automatic release: the order was modified, or its reasons are gone (spec 3.9, 3.10)."""
    modified = parameters.modified_order_release_reason if is_modified(row) else None
    return modified or parameters.auto_release_reason


def has_moved(row: Row) -> bool:
    """Whether the order has another invoice account by now, whose figures count for it."""
    newer = (row["state_version"] or 0) >= row["order_version"]
    return newer and row["state_customer"] not in (None, row["customer"])


def is_modified(row: Row) -> bool:
    """Whether the order's value is another than when it was held (spec 3.9)."""
    newer = (row["state_version"] or 0) >= row["order_version"]
    same = row["state_currency"] == row["order_currency"] and row["state_total"] == row["order_total"]
    return bool(row["amount_changed"] or (newer and not same))
