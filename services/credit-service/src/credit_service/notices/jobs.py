"""Announces limits, policies and reviews that fall due, each date once, as a periodic task (spec, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from credit_service.notices import store
from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_parameters
from credit_service.paths import business_settings
from credit_service.profiles.publishing import publish
from credit_service.profiles.store import next_versions
from credit_service.tasks.model import Run, Step, Task
from holdfast.bus import outbox
from holdfast.contracts.base import Payload
from holdfast.contracts.credit_notices import LimitExpiring, PolicyExpiring, ReviewDue
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts

NAME = "due-dates"
MOST_ROWS = 500
"""Of a kind and step: well under a second."""
GOING_ON = ""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """A kind of notice: up to which date it is due, and its event; without one the profile is told anew, so that
    hold-service looks at the customer's orders again."""

    until: Callable[[Parameters, date], date]
    event: Callable[[asyncpg.Record, str, date], Payload] | None = None


def _limit(row: asyncpg.Record, currency: str, as_of: date) -> Payload:
    return LimitExpiring(
        company=row["company"], customer=row["customer"], sequence=1, currency=currency,
        credit_limit=row["credit_limit"], expiry_date=row["due_date"], as_of=as_of,
    )  # fmt: skip


def _policy(row: asyncpg.Record, _currency: str, as_of: date) -> Payload:
    return PolicyExpiring(
        company=row["company"], customer=row["customer"], sequence=1, policy=row["policy"], as_of=as_of
    )


def _review(row: asyncpg.Record, _currency: str, as_of: date) -> Payload:
    return ReviewDue(
        company=row["company"], customer=row["customer"], sequence=1, next_review_date=row["due_date"], as_of=as_of
    )


NOTICES: Mapping[str, Notice] = {
    "limit-expiring": Notice(lambda p, day: day + timedelta(days=p.limit_expiry_notice_days), _limit),
    "policy-expiring": Notice(lambda p, day: day + timedelta(days=p.policy_expiry_notice_days), _policy),
    "review-due": Notice(lambda p, day: day + timedelta(days=p.review_notice_days), _review),
    "limit-expired": Notice(lambda _, day: day - DAY),
    "policy-expired": Notice(lambda _, day: day - DAY),
    "suspension-ended": Notice(lambda _, day: day - DAY),
}


async def _announce(work: Work, run: Run) -> Step:
    parameters = (await read_parameters(work, run.company)).parameters
    currency, _ = await business_settings(work, run.company)
    told, more = 0, False
    for kind, notice in NOTICES.items():
        rows = await _claimed(work, run, kind, notice.until(parameters, run.as_of))
        if rows:
            await _tell(work, run, kind, notice, rows, currency)
        told, more = told + len(rows), more or len(rows) == MOST_ROWS
    return Step(GOING_ON if more else None, told, told)


async def _claimed(work: Work, run: Run, kind: str, until: date) -> Sequence[asyncpg.Record]:
    """What is to be announced, with its customers locked: another run has announced it before, or not at all."""
    found = await store.unannounced(work, kind, run.company, until, run.customers, MOST_ROWS)
    customers = {row["customer"] for row in found}
    await lock_accounts(work, {(run.company, customer) for customer in customers})
    return await store.unannounced(work, kind, run.company, until, customers, MOST_ROWS) if found else []


async def _tell(work: Work, run: Run, kind: str, notice: Notice, rows: Sequence[asyncpg.Record], currency: str) -> None:
    await store.note(work, kind, rows)
    if notice.event is not None:
        make = notice.event
        await outbox.emit(work, [make(row, currency, run.as_of) for row in rows])
        return
    parties = {(run.company, row["customer"]) for row in rows}
    await next_versions(work, parties, NAME)
    await publish(work, parties, NAME, kind)


DUE_DATES = Task(
    NAME, "announces limits, policies and reviews that fall due, and tells profiles whose limit, policy or suspension "
    "has run out anew; each date once", _announce,
)  # fmt: skip
