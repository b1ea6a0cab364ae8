"""What credit-service tells of a customer: the whole profile with its temporary limits and policies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from credit_service.policies.store import policies_of
from credit_service.profiles.model import Profile
from credit_service.profiles.store import read_profiles
from credit_service.temporary.store import temporary_of
from holdfast.bus import outbox
from holdfast.contracts.credit import ProfileChanged
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date
from holdfast.receivables.model import Party

FIELDS = frozenset(ProfileChanged.model_fields)


async def publish(work: Work, parties: Collection[Party], by: str, reason: str | None = None) -> None:
    """Tell of these customers, whose profiles have new versions; they are locked."""
    profiles = await read_profiles(work, parties)
    today = earliest_date(work.business_now)
    temporary, policies = await temporary_of(work, parties, today), await policies_of(work, parties, today)
    await outbox.emit(
        work,
        [
            ProfileChanged.model_validate(
                _told(profile) | {
                    "temporary_limits": [asdict(limit) for limit in temporary.get(party, ())],
                    "policies": [asdict(policy) for policy in policies.get(party, ())],
                    "sequence": 1, "changed_at": work.business_now, "changed_by": by, "reason": reason,
                }
            )
            for party, profile in sorted(profiles.items())
        ],
    )  # fmt: skip


def _told(profile: Profile) -> dict[str, object]:
    return {name: value for name, value in asdict(profile).items() if name in FIELDS}
