"""A person releases a held order (spec 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import asyncpg

from hold_service.checkpoints import store as checkpoints
from hold_service.checks import saving
from hold_service.checks import store as checks
from hold_service.checks.model import figures, rejudge
from hold_service.checks.picture import picture_of
from hold_service.checks.saving import DecisionRow
from hold_service.holds import store
from hold_service.holds.model import reservation_of
from hold_service.holds.store import Closing
from hold_service.rechecks.decide import admits, amount_of, asked_again, event_fields, release_of, released_total
from holdfast.bus import outbox
from holdfast.contracts.holds import OrderReleased
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.reservations import reserve, set_credit_status


@dataclass(frozen=True, slots=True)
class Release:
    """Who releases, why, and whether the saved posting request goes back to the ERP."""

    by: str
    reason: str
    mode: Literal["with_posting", "without_posting"]


async def release(work: Work, row: asyncpg.Record, given: Release) -> None:
    """End an active hold of a locked customer, admit its document once, and publish it.

    The figures of the moment are kept with the decision, so that a release can be judged later.
    """
    party = (row["company"], row["customer"])
    loaded = await checks.load(work, {party: {row["order_no"]}}, {row["order_currency"]})
    known = loaded.known(party, row["checkpoint"], row["order_no"], None)
    asked = asked_again(row, known)
    verdict, amount, decision = rejudge(asked, known), amount_of(row, known), uuid4()
    await store.close(work, [Closing(row["id"], "released", given.by, given.mode, given.reason)])
    await checkpoints.note_releases(work, [release_of(row, known)])
    if given.mode == "without_posting" and admits(known):
        await store.admit(work, [(row, released_total(row, known))])
    await set_credit_status(work, [(row["company"], row["order_no"], "released")])
    await reserve(work, [reservation_of(row, "released", amount, work.business_now)])
    event = OrderReleased.model_validate({
        **event_fields(row, decision, known, amount, work), "checkpoint": row["checkpoint"], "mode": given.mode,
        "automatic": False, "released_by": given.by, "release_reason": given.reason, "figures": figures(verdict),
        "posting_request": row["posting_request"] if given.mode == "with_posting" else None,
    })  # fmt: skip
    answer = event.model_dump(mode="json", exclude={"sequence"}, exclude_none=True) | {"outcome": "released"}
    await saving.save_decisions(work, [DecisionRow(
        decision, row["company"], row["customer"], row["order_no"], row["checkpoint"], row["attempt"], "released",
        known.position.check_date, row["id"], to_json(answer), to_json(picture_of(asked, known, verdict)),
    )])  # fmt: skip
    await outbox.emit(work, [event])
