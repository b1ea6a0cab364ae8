"""Whatever raises what a customer may owe passes approval, by whatever door (spec 1.17): the kind of approval that
profiles, policies and credit groups share. Each of them registers its door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg

from holdfast.approvals import flow
from holdfast.approvals.flow import Asked, Kind
from holdfast.database.work import Work

NAME = "credit-profile-change"


@dataclass(frozen=True, slots=True)
class Door:
    """A way in which room is raised: its locks, what it is asked on, what it does. They read the proposal."""

    lock: Callable[[Work, dict[str, Any]], Awaitable[None]]
    basis: Callable[[Work, dict[str, Any]], Awaitable[Any]]
    take_effect: Callable[[Work, dict[str, Any], Asked], Awaitable[None]]


DOORS: dict[str, Door] = {}


async def _lock(work: Work, asked: Asked) -> None:
    await DOORS[asked.proposal["door"]].lock(work, asked.proposal)


async def _basis(work: Work, asked: Asked) -> Any:
    return await DOORS[asked.proposal["door"]].basis(work, asked.proposal)


async def _amount(work: Work, asked: Asked) -> Decimal:
    return Decimal(asked.proposal["resulting_limit"])


async def _take_effect(work: Work, asked: Asked, who: str) -> None:
    await DOORS[asked.proposal["door"]].take_effect(work, asked.proposal, asked)


KIND = Kind(NAME, "a change that raises what a customer may owe", _lock, _basis, _amount, _take_effect)


async def must_ask(work: Work, company: str) -> bool:
    """Whether the company has such raises approved."""
    return await flow.is_active(work, company, NAME)


async def ask(
    work: Work, door: str, company: str, subject: str, who: str, amount: Decimal, proposal: dict[str, Any],
    reason: str | None,
) -> asyncpg.Record:  # fmt: skip
    """Ask for a raise; `amount` is the resulting limit in company currency. Raises Problem 409 when one is pending."""
    told = {"door": door, "company": company, "resulting_limit": amount, **proposal}
    return await flow.ask(work, KIND, company, subject, who, told, reason)
