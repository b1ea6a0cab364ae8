"""How a hold ends with a release, by a person or by itself (spec 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

from hold_service.checkpoints import store as checkpoints
from hold_service.checks import saving
from hold_service.checks import store as checks
from hold_service.checks.known import Asked, Known, Said, with_state
from hold_service.checks.model import Verdict, figures, open_amount, rejudge
from hold_service.checks.picture import picture_of
from hold_service.checks.saving import DecisionRow
from hold_service.holds import closing, notices
from hold_service.holds.closing import AdmissionRow, Closing
from hold_service.holds.model import FORCED, READY, Mode, Row, reservation_of
from holdfast.bus import outbox
from holdfast.contracts.holds import OrderReleased
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.model import CheckedOrder
from holdfast.receivables.reservations import reserve, set_credit_status

AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class Release:
    """Who releases, why, and whether the saved posting request goes back to the ERP.

    `amount` in the order's currency: up to what order value; `lines`: which of its lines; both until `valid_until`.
    """

    by: str
    reason: str | None
    mode: Mode
    automatic: bool = False
    triggers: tuple[str, ...] = ()
    note: str | None = None
    amount: Decimal | None = None
    lines: tuple[int, ...] = ()
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What a release writes and publishes."""

    closing: Closing
    admissions: list[AdmissionRow]
    grace: checkpoints.Released
    event: outbox.Row
    decision: DecisionRow


def order_of(row: Row) -> CheckedOrder:
    """The order of a hold as it was when it was held; a newer state of it counts by itself."""
    return CheckedOrder(
        row["order_no"], row["order_version"], row["order_currency"], row["order_total"], row["order_created_at"]
    )


def asked_again(row: Row, known: Known) -> Asked:
    """The order of a hold with what was said of it."""
    said = Said(
        row["payment_terms"], row["cash_discount"], row["order_excluded"], row["is_project"], row["reserved_total"]
    )
    return with_state(order_of(row), said, known, proforma=row["proforma"])


def amount_of(row: Row, known: Known) -> Decimal:
    """What the order of a hold still comes to, in its currency."""
    return open_amount(asked_again(row, known), known)


def order_value(row: Row, known: Known) -> Decimal:
    """What the order is worth now, in the currency it was held in: a newer state of it counts."""
    state = known.position.orders.get(row["order_no"])
    newer = state is not None and state.version > row["order_version"] and state.currency == row["order_currency"]
    return Decimal(state.total if state is not None and newer else row["order_total"])


def ending(work: Work, row: Row, known: Known, verdict: Verdict, release: Release) -> Ending:
    """A release as it is stored, told and remembered; the figures of the moment are kept with the decision."""
    value, decision = order_value(row, known), uuid4()
    amount = value if release.amount is None else release.amount
    grace = _grace(row, known, release, amount)
    event = OrderReleased.model_validate({
        **notices.fields(row, known, work, amount_of(row, known), decision), "checkpoint": row["checkpoint"],
        "mode": release.mode, "automatic": release.automatic, "released_by": release.by,
        "release_reason": release.reason, "triggers": release.triggers, "figures": figures(verdict),
        "reasons_cleared": _cleared(row) if release.automatic else (), "note": release.note,
        "released_amount": amount, "released_lines": release.lines, "partial": amount < value,
        "valid_until": release.valid_until, "grace_until": grace.grace_until,
        "posting_request": row["posting_request"] if release.mode == "with_posting" else None,
    })  # fmt: skip
    told = outbox.row_of(event)
    answer = told[-1].removesuffix("}") + ',"outcome":"released"}'
    closed = Closing(
        row["id"], "released", release.by, release.mode, release.reason, release.triggers, release.note, amount,
        release.lines, release.valid_until, release.automatic or _is_ready(row),
    )  # fmt: skip
    picture = picture_of(asked_again(row, known), known, verdict)
    return Ending(closed, _admissions(row, known, release, amount), grace, told,
                  DecisionRow(
        decision, row["company"], row["customer"], row["order_no"], row["checkpoint"], row["attempt"], "released",
        known.position.check_date, row["id"], answer, to_json(picture),
    ))  # fmt: skip


def _is_ready(row: Row) -> bool:
    """Whether facts have let the order go, and only a person's release was waited for."""
    return row["forced_reason"] is None and any(r["reason"] == READY and r["active"] for r in row["reasons"])


def _cleared(row: Row) -> tuple[str, ...]:
    return tuple(sorted(reason["reason"] for reason in row["reasons"] if reason["reason"] not in (READY, FORCED)))


def _grace(row: Row, known: Known, release: Release, amount: Decimal) -> checkpoints.Released:
    """What is kept of a release: until when, and up to what value, the order is not checked again (spec 3.6)."""
    place, on = known.setup.checkpoints.get(row["checkpoint"]), known.position.check_date
    asked = asked_again(row, known)
    grace = on + timedelta(days=place.grace_days) if place is not None and place.grace_days else None
    return checkpoints.Released(
        row["company"], row["order_no"], row["customer"], row["id"], row["checkpoint"], on, grace,
        row["order_currency"], amount, asked.payment_terms, asked.cash_discount, release.amount is not None,
        release.valid_until, _version(row),
    )  # fmt: skip


def _version(row: Row) -> int:
    """The version of the order that is released."""
    return int(max(row["order_version"], row["state_version"] or 0))


def _admissions(row: Row, known: Known, release: Release, amount: Decimal) -> list[AdmissionRow]:
    """The document that was held goes through once, unless it goes back to the ERP or none was held."""
    admits = known.setup.parameters.release_admits_held_document
    if release.mode == "with_posting" or row["attempted_at"] is None or not admits:
        return []
    return [AdmissionRow(
        row["id"], row["company"], row["customer"], row["order_no"], row["checkpoint"], row["order_currency"], amount,
        _version(row), release.lines, release.valid_until,
    )]  # fmt: skip


async def known_of(work: Work, row: Row, *, locked: bool = True) -> Known:
    """What is known for the hold of a locked customer; with `locked` False only to tell of it."""
    party = (row["company"], row["customer"])
    loaded = await checks.load(work, {party: {row["order_no"]}}, {row["order_currency"]}, locked=locked)
    return loaded.known(party, row["checkpoint"], row["order_no"], None)


async def release(work: Work, row: Row, given: Release) -> None:
    """End an active hold of a locked customer, admit its document once, and publish it."""
    known = await known_of(work, row)
    ended = ending(work, row, known, rejudge(asked_again(row, known), known), given)
    await closing.close(work, [ended.closing])
    await checkpoints.note_releases(work, [ended.grace])
    await closing.admit(work, ended.admissions)
    await set_credit_status(work, [(row["company"], row["order_no"], "released")])
    await reserve(work, [reservation_of(row, "released", work.business_now)])
    await saving.save_decisions(work, [ended.decision])
    await outbox.publish(work, [ended.event])


async def reject(work: Work, row: Row, by: str, reason: str | None, note: str | None) -> None:
    """End an active hold of a locked customer without letting the order go on, and publish it (spec 3.8)."""
    known = await known_of(work, row)
    amount = amount_of(row, known)
    await closing.close(work, [Closing(row["id"], "rejected", by, None, reason, note=note)])
    await closing.refuse_order(work, row["company"], row["order_no"])
    await set_credit_status(work, [(row["company"], row["order_no"], "rejected")])
    await reserve(work, [reservation_of(row, "rejected", work.business_now)])
    await outbox.emit(work, [notices.rejected(row, known, work, amount, by, reason, note)])
