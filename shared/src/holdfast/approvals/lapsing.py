"""Requests that end without a decision: what they were asked on has changed, or is gone (spec 1.17)."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from holdfast.approvals import model, notices, store
from holdfast.approvals.kinds import CHANGED, HOLDFAST, Kind, Kinds, Row, asked_of, basis_of, read
from holdfast.database.work import Work


async def lapse(work: Work, kind: Kind, row: Row, why: str = CHANGED, who: str = HOLDFAST) -> None:
    """End a request that is open: nothing comes of it, and who asked is told why."""
    approval, asked = model.lapse(store.approval_of(row)), asked_of(row)
    await store.update(work, asked.id, approval, lapsed=True)
    await store.note(work, asked.id, who, "lapsed", text=why)
    await kind.told(work, asked, approval.state, who)
    about = notices.About(asked.id, asked.company, kind.name, asked.subject)
    await notices.lapsed(work, about, approval, who, why)


async def lapse_approved(work: Work, kind: Kind, row: Row, who: str) -> None:
    """What was approved, but not yet done, has been overtaken: who asked is told, and asks again."""
    await store.note(work, row["id"], who, "lapsed", text=CHANGED)
    about = notices.About(row["id"], row["company"], kind.name, row["subject"])
    await notices.lapsed(work, about, store.approval_of(row), who, CHANGED)


async def lapse_for(work: Work, kind: Kind, company: str, subject: str) -> None:
    """End the open request for a subject whose facts have changed; who asked is told why."""
    row = await store.open_approval(work, company, kind.name, subject)
    if row is not None and row["basis"] != await basis_of(kind, work, asked_of(row)):
        await lapse(work, kind, row)


async def lapse_stale(work: Work, kinds: Kinds, numbers: Iterable[UUID]) -> None:
    """End those of these requests whose facts have changed, in the transaction that changes them.

    A request that somebody decides on at this moment is left to them: they compare it too.
    """
    for number in sorted(numbers):
        row = await read(work, number)
        kind = kinds[row["kind"]]
        if not await kind.seize(work, asked_of(row)):
            continue
        held = await store.seize(work, number)
        if held is not None and held["basis"] != await basis_of(kind, work, asked_of(held)):
            await lapse(work, kind, held)


async def withdraw(work: Work, row: Row, who: str, why: str) -> None:
    """End an open request whose subject is gone, or is asked for anew."""
    await store.update(work, row["id"], model.lapse(store.approval_of(row)))
    await store.note(work, row["id"], who, "withdrawn", text=why)
