"""Periodic work: stale reservations end, holds that wait too long are reported, all are evaluated once a day, and what
freed orders is forgotten once it binds nobody."""

from __future__ import annotations

from datetime import timedelta

import structlog

from hold_service.checkpoints.store import forget_freeing
from hold_service.checks import store as checks
from hold_service.groups.locks import lock_parties, must_hold
from hold_service.holds import ageing, notices
from hold_service.holds.release import amount_of
from hold_service.rechecks import store as rechecks
from holdfast.bus import outbox
from holdfast.database.work import Work
from holdfast.platform.metrics import counter
from holdfast.receivables.model import Party
from holdfast.receivables.reservations import expire_reservations, parties_with_old_reservations

KEEP = timedelta(days=14)
MOST = 500
EXPIRED = counter("holdfast_reservations_expired", "Reservations that ended because no order state ever came.")
ESCALATED = counter("holdfast_holds_escalated", "Holds reported because they wait longer than their company allows.")
log = structlog.get_logger(__name__)


async def clean_reservations(work: Work) -> bool:
    """End reservations older than two weeks of business time, and tell of it; True when there may be more."""
    before = work.business_now - KEEP
    parties = await parties_with_old_reservations(work, before, MOST)
    await lock_parties(work, parties)
    expired = await expire_reservations(work, parties, before)
    for ended in expired:
        log.warning(
            "reservation_expired", company=ended.company, customer=ended.customer, order=ended.order,
            amount=str(ended.amount), currency=ended.currency, reserved_at=ended.reserved_at.isoformat(),
        )  # fmt: skip
        EXPIRED.inc()
    await outbox.emit(work, [notices.reservation_expired(ended, work) for ended in expired])
    must_hold(work, await rechecks.mark(work, parties, {}, delay_seconds=0))
    return len(parties) == MOST


async def forget_what_freed(work: Work) -> bool:
    """Forget what no release hangs on any more; True when there may be more."""
    return await forget_freeing(work, MOST) == MOST


async def escalate_holds(work: Work) -> bool:
    """Report holds that wait longer than their company allows, once for each time that it has passed (spec 3.15).

    True when there may be more.
    """
    found = await ageing.overdue(work, MOST)
    if not found:
        return False
    await lock_parties(work, {(row["company"], row["customer"]) for row in found})
    rows, days = await ageing.escalate(work, [row["id"] for row in found])
    orders: dict[Party, set[str]] = {}
    for row in rows:
        orders.setdefault((row["company"], row["customer"]), set()).add(row["order_no"])
    loaded = await checks.load(work, orders, {row["order_currency"] for row in rows})
    events = []
    for row in rows:
        known = loaded.known((row["company"], row["customer"]), row["checkpoint"], row["order_no"], None)
        events.append(notices.escalated(row, known, work, amount_of(row, known), days[row["id"]]))
        ESCALATED.inc()
    await outbox.emit(work, events)
    return len(found) == MOST


async def evaluate_daily(work: Work) -> None:
    """Once each business day of a company all its held orders are decided again (spec 3.10): what expires or falls
    due on a day needs no event."""
    companies = await ageing.begin_days(work)
    await rechecks.mark(work, await ageing.with_holds(work, companies), {}, delay_seconds=0)
