"""Whatever raises what a customer may owe passes approval, by whatever door (spec 1.17): the kind of approval that
profiles, policies and credit groups share. Each of them registers its door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service.lapsing import register
from credit_service.tables.model import Outcome, Told
from holdfast.approvals import flow, kinds, many
from holdfast.approvals.kinds import Asked, Kind
from holdfast.approvals.many import Request
from holdfast.approvals.model import State
from holdfast.database.work import Work

NAME = "credit-profile-change"


@dataclass(frozen=True, slots=True)
class Door:
    """A way in which room is raised: its locks, what it is asked on, the resulting limit in company currency, what it
    does. They read the proposal."""

    lock: Callable[[Work, dict[str, Any]], Awaitable[None]]
    basis: Callable[[Work, dict[str, Any]], Awaitable[Any]]
    amount: Callable[[Work, dict[str, Any]], Awaitable[Decimal]]
    take_effect: Callable[[Work, dict[str, Any], Asked], Awaitable[None]]


DOORS: dict[str, Door] = {}


async def _lock(work: Work, asked: Asked) -> None:
    await DOORS[asked.proposal["door"]].lock(work, asked.proposal)


async def _basis(work: Work, asked: Asked) -> Any:
    return await DOORS[asked.proposal["door"]].basis(work, asked.proposal)


async def _amount(work: Work, asked: Asked) -> Decimal:
    return await DOORS[asked.proposal["door"]].amount(work, asked.proposal)


async def _take_effect(work: Work, asked: Asked, who: str) -> None:
    await DOORS[asked.proposal["door"]].take_effect(work, asked.proposal, asked)


KIND = register(Kind(NAME, "a change that raises what a customer may owe", _lock, _basis, _amount, _take_effect))


async def must_ask(work: Work, company: str) -> bool:
    """Whether the company has such raises approved."""
    return await kinds.is_active(work, company, NAME)


async def ask(
    work: Work, door: str, company: str, subject: str, who: str, proposal: dict[str, Any], reason: str | None
) -> asyncpg.Record:
    """Ask for a raise. Raises Problem 409 when one is pending."""
    told = {"door": door, "company": company, **proposal}
    return await flow.ask(work, KIND, company, subject, who, told, reason)


async def open_anywhere(work: Work, subject: str, kind: str = NAME) -> asyncpg.Record | None:
    """The request that is open for a subject, of whichever company."""
    return await work.conn.fetchrow(
        """SELECT * FROM approval WHERE subject = $1 AND kind = $2
           AND state IN ('submitted', 'approval_pending', 'change_requested') ORDER BY created_at, id LIMIT 1""",
        subject,
        kind,
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What became of one of many raises that were asked for."""

    number: str
    completed: bool

    def told(self, told: Told, version: int) -> Told:
        """The line of a file as it has gone; `version`: of what the raise was asked on."""
        if not self.completed:
            return replace(told, approval=self.number)
        done = Outcome.CHANGED if version else Outcome.CREATED
        return replace(told, outcome=done, approval=self.number, version=version + 1)


async def ask_many(
    work: Work, door: str, company: str, who: str, requests: Sequence[Request], reason: str | None
) -> dict[str, Wanted]:
    """Ask for raises of subjects that are locked and have no open request; those for which no step applies are
    completed, and the caller makes them."""
    if not requests:
        return {}
    wanted = [replace(r, proposal={"door": door, "company": company, **r.proposal}) for r in requests]
    found = await many.ask_many(work, KIND, company, who, wanted, reason)
    return {s: Wanted(str(n), approval.state is State.COMPLETED) for s, (n, approval) in found.items()}
