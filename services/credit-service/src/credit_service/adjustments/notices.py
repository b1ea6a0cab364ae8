"""What is told of a journal."""

from __future__ import annotations

import asyncpg

from holdfast.bus import outbox
from holdfast.contracts.credit_notices import AdjustmentNotice
from holdfast.database.work import Work


async def tell(work: Work, notice: type[AdjustmentNotice], journal: asyncpg.Record, lines: int, by: str) -> None:
    """Publish a notice about a locked journal; `lines`: how many the act concerned."""
    event = notice(
        company=journal["company"], journal=journal["number"], sequence=1, type=journal["type"],
        description=journal["description"], lines=lines, by=by, at=work.business_now,
    )  # fmt: skip
    await outbox.emit(work, [event])
