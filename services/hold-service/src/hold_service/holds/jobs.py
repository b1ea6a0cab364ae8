"""Reservations whose order never arrived end after a set time; reported, never silent (spec 2.1)."""

from __future__ import annotations

from datetime import timedelta

import structlog

from hold_service.groups.locks import lock_parties
from hold_service.rechecks import store as rechecks
from holdfast.database.work import Work
from holdfast.platform.metrics import counter
from holdfast.receivables.reservations import expire_reservations, parties_with_old_reservations

KEEP = timedelta(days=14)
MOST = 500
EXPIRED = counter("holdfast_reservations_expired", "Reservations that ended because no order state ever came.")
log = structlog.get_logger(__name__)


async def clean_reservations(work: Work) -> bool:
    """End reservations older than two weeks of business time; True when there may be more."""
    before = work.business_now - KEEP
    parties = await parties_with_old_reservations(work, before, MOST)
    await lock_parties(work, parties)
    for ended in await expire_reservations(work, parties, before):
        log.warning(
            "reservation_expired", company=ended.company, customer=ended.customer, order=ended.order,
            amount=str(ended.amount), currency=ended.currency, reserved_at=ended.reserved_at.isoformat(),
        )  # fmt: skip
        EXPIRED.inc()
    await rechecks.mark(work, parties, {}, delay_seconds=0)
    return len(parties) == MOST
