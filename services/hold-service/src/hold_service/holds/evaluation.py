"""What an evaluation does to held orders: reasons appear and clear, and those that are ready are released.

The decision is made on locked customers; what it writes and publishes is collected and saved together.
"""

from __future__ import annotations

from uuid import UUID

import asyncpg

from hold_service.checkpoints import store as checkpoints
from hold_service.checks import saving
from hold_service.checks.again import found_by
from hold_service.checks.known import Known
from hold_service.checks.model import Verdict
from hold_service.checks.saving import DecisionRow
from hold_service.holds import closing, notices, reasons, store
from hold_service.holds.closing import AdmissionRow, Closing
from hold_service.holds.model import (
    READY,
    WAITING,
    Outcome,
    Row,
    Weighed,
    active_reasons,
    automatic_reason,
    is_modified,
    reservation_of,
    weigh,
)  # fmt: skip
from hold_service.holds.rechecked import rechecked
from hold_service.holds.release import AUTOMATIC, Release, amount_of, ending
from holdfast.bus import outbox
from holdfast.contracts.base import Payload
from holdfast.database.work import Work
from holdfast.receivables.model import Reservation
from holdfast.receivables.reservations import end_reservations, reserve, set_credit_status


class Evaluation:
    """Evaluates held orders one after another; `save` writes what became of them."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.outcomes: dict[int, Outcome] = {}
        self._closings: list[Closing] = []
        self._admitted: list[AdmissionRow] = []
        self._released: list[checkpoints.Released] = []
        self._seen: list[tuple[int, dict[str, str]]] = []
        self._gone: list[tuple[int, str]] = []
        self._modified: list[int] = []
        self._statuses: list[tuple[str, str, str]] = []
        self._reservations: list[Reservation] = []
        self._ended: list[tuple[str, str]] = []
        self._events: list[outbox.Row] = []
        self._waiting: list[asyncpg.Record] = []
        self._decisions: list[DecisionRow] = []
        self._renewed: list[tuple[int, UUID]] = []

    def cancel(self, row: asyncpg.Record, known: Known) -> None:
        """The held order was cancelled (spec 3.9)."""
        reason = known.setup.parameters.cancel_reason
        self.outcomes[row["id"]] = Outcome.CANCELLED
        self._closings.append(Closing(row["id"], "cancelled", AUTOMATIC, None, reason or "order cancelled"))
        self._ended.append((row["company"], row["order_no"]))
        self._note_waiting(row)
        self._say(notices.cancelled(row, known, self._work, reason))

    def weigh(
        self, row: asyncpg.Record, known: Known, verdict: Verdict, triggers: tuple[str, ...]
    ) -> Reservation | None:
        """Take over what the rules say now; answers what a released order reserves from now on."""
        automatic = known.setup.parameters.auto_release
        if is_modified(row) and not row["amount_changed"]:
            self._modified.append(row["id"])
        found = found_by(verdict)
        forced = row["forced_reason"] is not None
        if row["workflow_status"] in WAITING:
            automatic = automatic and known.setup.parameters.auto_release_submitted == "close_and_release"
        self._note_waiting(row)
        weighed = weigh(active_reasons(row), found, forced=forced, automatic=automatic, complete=verdict.is_complete)
        self.outcomes[row["id"]] = weighed.outcome
        self._seen.append((row["id"], dict(weighed.seen)))
        self._gone += [(row["id"], reason) for reason in weighed.gone]
        if weighed.outcome is Outcome.RELEASED:
            return self._release(row, known, verdict, triggers)
        self._tell(row, known, verdict, weighed, triggers)
        return None

    def _note_waiting(self, row: asyncpg.Record) -> None:
        if row["workflow_status"] in WAITING or row["approved"] is not None:
            self._waiting.append(row)

    def _tell(
        self, row: asyncpg.Record, known: Known, verdict: Verdict, weighed: Weighed, triggers: tuple[str, ...]
    ) -> None:
        """A hold that stands on other reasons now stands on another decision, with the numbers of this moment."""
        active = active_reasons(row)
        if not weighed.gone and weighed.seen.keys() <= active:
            return
        left, amount = tuple(sorted((active | weighed.seen.keys()) - set(weighed.gone))), amount_of(row, known)
        decided = rechecked(self._work, row, known, verdict, {name: weighed.seen.get(name) for name in left}, triggers)
        self._decisions.append(decided)
        self._renewed.append((row["id"], decided.id))
        now: Row = dict(row) | {"decision": decided.id}
        for reason in weighed.gone:
            if reason != READY:
                self._say(notices.reason_cleared(now, known, self._work, amount, reason, left, triggers))
        if weighed.newly_ready:
            self._say(notices.ready(now, known, self._work, amount, triggers))

    def _say(self, event: Payload) -> None:
        self._events.append(outbox.row_of(event))

    def _release(self, row: asyncpg.Record, known: Known, verdict: Verdict, triggers: tuple[str, ...]) -> Reservation:
        given = known.setup.parameters
        reason, mode = automatic_reason(given, row), given.auto_release_mode
        release = Release(AUTOMATIC, reason, mode, automatic=True, triggers=triggers)
        ended = ending(self._work, row, known, verdict, release)
        reservation = reservation_of(row, "released", self._work.business_now)
        self._closings.append(ended.closing)
        self._admitted += ended.admissions
        self._released.append(ended.grace)
        self._statuses.append((row["company"], row["order_no"], "released"))
        self._reservations.append(reservation)
        self._events.append(ended.event)
        self._decisions.append(ended.decision)
        return reservation

    async def save(self) -> None:
        """Write and publish all of it."""
        work = self._work
        await reasons.change(work, self._seen, self._gone)
        await store.note_changed_amounts(work, self._modified)
        await closing.close(work, self._closings)
        await closing.admit(work, self._admitted)
        await checkpoints.note_releases(work, self._released)
        await set_credit_status(work, self._statuses)
        await reserve(work, self._reservations)
        await end_reservations(work, self._ended)
        if self._decisions:
            await saving.save_decisions(work, self._decisions)
        await store.renew_decisions(work, self._renewed)
        await outbox.publish(work, self._events)

    @property
    def waiting(self) -> list[asyncpg.Record]:
        """Holds whose release somebody has asked for or approved."""
        return self._waiting

    @property
    def ended(self) -> int:
        """How many holds ended."""
        return len(self._closings)
