"""What credit-service tells of a customer: the whole profile with its temporary limits and policies; and changes of
the limit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from credit_service.lapsing import facts_changed
from credit_service.policies.store import policies_of
from credit_service.profiles.model import Profile
from credit_service.profiles.store import read_profiles, time_zones
from credit_service.risk.store import risks_of
from credit_service.statistics.store import days_late_of
from credit_service.temporary.store import temporary_of
from holdfast.bus import outbox
from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.credit_notices import LimitChanged
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date, local_date
from holdfast.receivables.limits import covering
from holdfast.receivables.model import Party

SOURCES = {"approved": "approval"}
"""What the history of limits calls by another name."""
FIELDS = frozenset(ProfileChanged.model_fields)


async def publish(work: Work, parties: Collection[Party], by: str, reason: str | None = None) -> None:
    """Tell of these customers, whose profiles have new versions; they are locked. What was asked on the old lapses."""
    profiles = await read_profiles(work, parties)
    today = earliest_date(work.business_now)
    temporary, policies = await temporary_of(work, parties, today), await policies_of(work, parties, today)
    late, risks = await days_late_of(work, parties), await risks_of(work, parties)
    await outbox.emit(
        work,
        [
            ProfileChanged.model_validate(
                _told(profile) | {
                    "temporary_limits": [asdict(limit) for limit in temporary.get(party, ())],
                    "policies": [asdict(policy) for policy in policies.get(party, ())],
                    "average_days_late": late.get(party), **_risk(risks.get(party)),
                    "sequence": 1, "changed_at": work.business_now, "changed_by": by, "reason": reason,
                }
            )
            for party, profile in sorted(profiles.items())
        ],
    )  # fmt: skip
    await facts_changed(work, parties)


def _risk(found: tuple[Decimal, str | None] | None) -> dict[str, object]:
    return {} if found is None else {"risk_score": found[0], "risk_group": found[1]}


def _told(profile: Profile) -> dict[str, object]:
    return {name: value for name, value in asdict(profile).items() if name in FIELDS}


@dataclass(frozen=True, slots=True)
class Door:
    """Who changed limits, by which door (as the history of limits names it), and what it refers to."""

    who: str
    source: str
    reference: str | None = None
    reason: str | None = None


async def publish_limits(work: Work, pairs: Sequence[tuple[Profile, Profile]], door: Door) -> None:
    """Tell of the pairs (before, after) whose permanent limit or expiry has changed; the customers are locked."""
    moved = [
        (before, after)
        for before, after in pairs
        if (before.credit_limit, before.credit_limit_expiry_date)
        != (after.credit_limit, after.credit_limit_expiry_date)
    ]
    if not moved:
        return
    parties = [(after.company, after.customer) for _, after in moved]
    temporary = await temporary_of(work, parties, earliest_date(work.business_now))
    zones = await time_zones(work, {company for company, _ in parties})
    events = []
    for party, (before, after) in zip(parties, moved, strict=True):
        active = covering(temporary.get(party, ()), local_date(work.business_now, zones[party[0]]))
        in_force = (active.amount, active.amount) if active else (before.credit_limit, after.credit_limit)
        events.append(limit_changed(work, before, after, in_force, door))
    await outbox.emit(work, events)


def limit_changed(
    work: Work, before: Profile, after: Profile, in_force: tuple[Decimal, Decimal], door: Door
) -> LimitChanged:
    """A change of a limit; `in_force`: before and now, company currency."""
    return LimitChanged(
        company=after.company, customer=after.customer, sequence=1, currency=after.currency,
        former_limit=before.credit_limit, credit_limit=after.credit_limit,
        former_expiry_date=before.credit_limit_expiry_date, credit_limit_expiry_date=after.credit_limit_expiry_date,
        former_limit_in_force=in_force[0], limit_in_force=in_force[1], source=SOURCES.get(door.source, door.source),
        reference=door.reference, reason=door.reason, changed_at=work.business_now, changed_by=door.who,
    )  # fmt: skip
