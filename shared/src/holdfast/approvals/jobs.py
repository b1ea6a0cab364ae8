"""Periodic work on requests: escalation."""

from __future__ import annotations

from holdfast.approvals import model, notices, store
from holdfast.approvals.kinds import HOLDFAST
from holdfast.database.work import Work

BATCH = 200


async def escalate_overdue(work: Work) -> bool:
    """A periodic job: steps that nobody has decided in time may be decided by those they escalate to."""
    rows = await store.overdue(work, BATCH)
    for row in rows:
        approval = model.escalate(store.approval_of(row))
        await store.update(work, row["id"], approval)
        await store.note(work, row["id"], HOLDFAST, "escalated", text=", ".join(approval.step.escalate_to))
        about = notices.About(row["id"], row["company"], row["kind"], row["subject"])
        await notices.escalated(work, [(about, approval)], HOLDFAST)
    return len(rows) == BATCH
