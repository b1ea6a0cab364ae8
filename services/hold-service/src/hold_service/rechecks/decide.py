"""Held orders of locked customers are decided again, the oldest hold first (spec 2.1, 3.10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from hold_service.checks import store as checks
from hold_service.checks.loaded import Loaded
from hold_service.checks.model import rejudge
from hold_service.holds import store as holds
from hold_service.holds.evaluation import Evaluation
from hold_service.holds.model import Outcome, has_moved
from hold_service.holds.release import asked_again
from hold_service.holds.store import Place
from hold_service.rechecks import store as rechecks
from hold_service.rechecks.store import Due
from hold_service.releases import approval
from holdfast.database.work import Work
from holdfast.receivables.model import Party

MOST = 1_000
"""Holds that are decided in one transaction: it keeps the customer locked."""
THE_LAST: Place = (datetime.max.replace(tzinfo=UTC), 2**63 - 1)
"""Where all holds have been decided."""


async def recheck_many(work: Work, taken: Mapping[Party, Due], most_facts_age: float | None) -> int:
    """Decide the held orders of these customers that are due; answers how many were released or cancelled. Of very many
    the younger ones stay due."""
    after = {party: due.after for party, due in taken.items() if due.after is not None}
    rows = await holds.active_of(work, taken, after=after, most=MOST)
    triggers = {party: due.triggers for party, due in taken.items()}
    done = await _evaluate_all(work, rows, triggers, most_facts_age)
    if len(rows) == MOST or any(due.again for due in taken.values()):
        await rechecks.leave(work, taken, (rows[-1]["held_at"], rows[-1]["id"]) if len(rows) == MOST else THE_LAST)
    return done.ended


async def evaluate(
    work: Work, parties: Mapping[Party, Sequence[str]], most_facts_age: float | None, only: Collection[int]
) -> Evaluation:
    """Decide some holds of these customers."""
    return await _evaluate_all(work, await holds.active_of(work, parties, only), parties, most_facts_age)


async def _evaluate_all(
    work: Work, rows: list[asyncpg.Record], parties: Mapping[Party, Sequence[str]], most_facts_age: float | None
) -> Evaluation:
    evaluation = Evaluation(work)
    rows = await _without_moved(work, rows, evaluation)
    if not rows:
        return evaluation
    orders: dict[Party, set[str]] = {}
    for row in rows:
        orders.setdefault((row["company"], row["customer"]), set()).add(row["order_no"])
    loaded = await checks.load(work, orders, {row["order_currency"] for row in rows})
    for row in rows:
        triggers = tuple(parties[row["company"], row["customer"]])
        _evaluate(row, loaded, evaluation, triggers, most_facts_age)
    await evaluation.save()
    for row in evaluation.waiting:
        match evaluation.outcomes[row["id"]]:
            case Outcome.RELEASED:
                await approval.overtaken(work, row, "released by itself")
            case Outcome.CANCELLED:
                await approval.overtaken(work, row, "cancelled")
            case _:
                await approval.grown(work, row)
    return evaluation


async def _without_moved(work: Work, rows: Sequence[asyncpg.Record], evaluation: Evaluation) -> list[asyncpg.Record]:
    """Holds of orders that are another customer's by now are handed over. That customer is not locked: who decides for
    it now does not see them yet, and the re-check that is due with this commit does."""
    moved = [row for row in rows if has_moved(row)]
    if moved:
        await holds.hand_over(work, moved)
        evaluation.outcomes |= {row["id"]: Outcome.HANDED_OVER for row in moved}
        await rechecks.mark(work, {(row["company"], row["state_customer"]) for row in moved}, {}, delay_seconds=0)
    return [row for row in rows if not has_moved(row)]


def _evaluate(
    row: asyncpg.Record,
    loaded: Loaded,
    evaluation: Evaluation,
    triggers: tuple[str, ...],
    most_facts_age: float | None,
) -> None:
    party = (row["company"], row["customer"])
    known = loaded.known(party, row["checkpoint"], row["order_no"], most_facts_age)
    state = known.position.orders.get(row["order_no"])
    if state is not None and state.is_cancelled(row["order_version"]):
        evaluation.cancel(row, known)
        return
    reservation = evaluation.weigh(row, known, rejudge(asked_again(row, known), known), triggers)
    if reservation is not None:
        loaded.move(party, row["order_no"], "released", reservation)
