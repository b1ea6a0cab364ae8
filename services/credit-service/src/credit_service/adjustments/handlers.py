"""A temporary limit that hold-service asks for becomes a draft journal of one line."""

from __future__ import annotations

from collections.abc import Sequence

from credit_service.adjustments.drafting import draft_journal
from credit_service.adjustments.model import JournalType, Line
from holdfast.bus.envelope import Incoming
from holdfast.contracts.holds import TemporaryLimitRequested
from holdfast.database.work import Work


async def draft_requested(work: Work, events: Sequence[Incoming[TemporaryLimitRequested]]) -> None:
    """One journal for each request; nothing is granted by it."""
    for asked in (event.payload for event in events):
        last = max(asked.from_date, asked.to_date)
        line = Line(asked.customer, None, asked.amount, asked.from_date, last, currency=asked.currency)
        note = f": {asked.note}" if asked.note else ""
        await draft_journal(
            work, asked.company, JournalType.TEMPORARY, [line], by=asked.requested_by,
            description=f"Asked for to let order {asked.order} pass{note}", source="request",
        )  # fmt: skip
