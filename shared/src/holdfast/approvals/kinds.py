"""Kinds of subjects that need approval, and what is read of a request whatever is done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from holdfast.approvals import setups, store
from holdfast.approvals.model import State, Workflow
from holdfast.database.pool import to_json
from holdfast.database.work import Work

Row = asyncpg.Record
HOLDFAST = "holdfast"
"""Who acts where nobody does."""
CHANGED = "What was asked on has changed meanwhile; ask again."


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody has asked for."""

    id: UUID
    company: str
    subject: str
    requester: str
    proposal: Any
    reason: str | None = None


async def _nothing(work: Work, asked: Asked, state: State, who: str) -> None:
    """Nobody is told."""


async def _nothing_more(work: Work, asked: Asked) -> bool:
    """Nothing is locked besides the request itself."""
    return True


class TaskFailed(Exception):
    """What was approved cannot be done now; says why. Raised by `take_effect`, whose changes are undone."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of subject that needs approval.

    `lock` takes the locks under which the subject changes; `basis` is what the request was made on, as it is now;
    `amount` the limit or exposure that would result, company currency, None where that cannot be told; `take_effect`
    does what was approved; `told` hears of every change of the state. Where a company has no active workflow of the
    kind, the first active one of `else_by` counts. `seize` takes, without waiting, what `told` changes, for a lapse in
    a transaction that holds other locks already: False when somebody else has it, who compares with what it was asked
    on himself.
    """

    name: str
    title: str
    lock: Callable[[Work, Asked], Awaitable[None]]
    basis: Callable[[Work, Asked], Awaitable[Any]]
    amount: Callable[[Work, Asked], Awaitable[Decimal | None]]
    take_effect: Callable[[Work, Asked, str], Awaitable[None]]
    told: Callable[[Work, Asked, State, str], Awaitable[None]] = _nothing
    else_by: tuple[str, ...] = ()
    seize: Callable[[Work, Asked], Awaitable[bool]] = _nothing_more


Kinds = Mapping[str, Kind]


async def is_active(work: Work, company: str, kind: str) -> bool:
    """Whether a company has an active workflow for a kind of subject."""
    return (await setups.read_workflow(work, company, kind)).active


async def workflow_of(work: Work, kind: Kind, company: str) -> Workflow:
    """The workflow that governs a kind of subject in a company."""
    own = await setups.read_workflow(work, company, kind.name)
    for name in kind.else_by if not own.active else ():
        other = await setups.read_workflow(work, company, name)
        if other.active:
            return other
    return own


async def read(work: Work, number: UUID) -> Row:
    """A request that is there."""
    row = await store.read(work, number)
    assert row is not None
    return row


async def basis_of(kind: Kind, work: Work, asked: Asked) -> Any:
    """What a request is made on, as it is now and as it is stored."""
    return as_json(await kind.basis(work, asked))


def asked_of(row: Row) -> Asked:
    """A row as its kind knows it."""
    return Asked(row["id"], row["company"], row["subject"], row["requester"], row["proposal"], row["reason"])


def as_json(value: Any) -> Any:
    """A value as it is stored."""
    return orjson.loads(to_json(value))
