"""What credit-service tells of temporary limits: that they have started or ended, and which limit is then in force."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import asyncpg

from credit_service.profiles.model import Profile
from credit_service.profiles.publishing import Door, limit_changed
from credit_service.profiles.store import read_profiles
from credit_service.temporary.store import temporary_of
from holdfast.bus import outbox
from holdfast.contracts.credit_notices import (
    LimitChanged,
    TemporaryLimitEnded,
    TemporaryLimitNotice,
    TemporaryLimitStarted,
)
from holdfast.database.work import Work
from holdfast.receivables.limits import Temporary, covering
from holdfast.receivables.model import Party

SOURCE = "temporary"
DAY = timedelta(days=1)
Limits = Mapping[Party, Sequence[Temporary]]


async def publish_notices(work: Work, rows: Sequence[asyncpg.Record], currency: str, as_of: date) -> None:
    """Tell of limits of customers or of one currency's groups that are announced: `former` is what was told before."""
    await outbox.emit(work, [notice for row in rows for notice in _notices(row, currency, as_of)])


def _notices(row: asyncpg.Record, currency: str, as_of: date) -> list[TemporaryLimitNotice]:
    """Start, end, or both when the whole period went by unannounced."""
    fields = {
        "company": row["company"], "customer": row["customer"], "group": row["credit_group"], "sequence": 1,
        "id": str(row["id"]), "amount": row["amount"], "currency": currency, "from_date": row["from_date"],
        "to_date": row["to_date"], "as_of": as_of,
    }  # fmt: skip
    started = [TemporaryLimitStarted(**fields)] if row["former"] == "no" else []
    return [*started, *([TemporaryLimitEnded(**fields)] if row["announced"] == "ended" else [])]


async def publish_turns(work: Work, rows: Sequence[asyncpg.Record], currency: str, who: str) -> None:
    """Tell on which days which limit came into force as limits of customers started and ended, the earliest first."""
    if not rows:
        return
    parties = {(row["company"], row["customer"]) for row in rows}
    since = min(row["from_date"] for row in rows) - DAY
    profiles, temporary = await read_profiles(work, parties), await temporary_of(work, parties, since)
    events: list[LimitChanged] = []
    for party in sorted(parties):
        profile = profiles.get(party) or Profile(*party, currency)
        days = _turns([row for row in rows if (row["company"], row["customer"]) == party])
        for day, reference in sorted(days.items()):
            was, now = (_in_force(profile, temporary.get(party, ()), on) for on in (day - DAY, day))
            if was != now:
                events.append(limit_changed(work, profile, profile, (was, now), Door(who, SOURCE, reference)))
    await outbox.emit(work, events)


def _turns(rows: Sequence[asyncpg.Record]) -> dict[date, str]:
    """The days on which another limit may come into force, with the temporary limit that begins or has ended then."""
    ended = {row["to_date"] + DAY: str(row["id"]) for row in rows if row["announced"] == "ended"}
    return ended | {row["from_date"]: str(row["id"]) for row in rows if row["former"] == "no"}


def _in_force(profile: Profile, temporary: Sequence[Temporary], on: date) -> Decimal:
    active = covering(temporary, on)
    return active.amount if active else profile.credit_limit


async def publish_change(
    work: Work, parties: Collection[Party], before: Limits, on: date, currency: str, door: Door
) -> None:
    """Tell of customers for whom another limit is in force on a date than `before`."""
    profiles, after = await read_profiles(work, parties), await temporary_of(work, parties, on)
    events: list[LimitChanged] = []
    for party in sorted(parties):
        profile = profiles.get(party) or Profile(*party, currency)
        was, now = (_in_force(profile, limits.get(party, ()), on) for limits in (before, after))
        if was != now:
            events.append(limit_changed(work, profile, profile, (was, now), door))
    await outbox.emit(work, events)
