"""Credit groups come from credit-service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hold_service.groups import store
from hold_service.groups.locks import held_groups
from holdfast.bus.envelope import Incoming
from holdfast.bus.handlers import MoreParties
from holdfast.contracts.credit import GroupChanged
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.accounts import touched


async def apply_groups(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the newest state of each group. Raises MoreParties for members that the event does not name."""
    newest: dict[str, GroupChanged] = {}
    for event in events:
        known = newest.get(event.payload.group)
        if known is None or known.version < event.payload.version:
            newest[event.payload.group] = event.payload
    fresh = await store.newer(work, sorted((p.group, p.version) for p in newest.values()))
    if not fresh:
        return
    missing = await store.members_of(work, fresh) - touched(work).locked
    if missing:
        raise MoreParties(missing)
    groups = [newest[group] for group in sorted(fresh)]
    members = {(m.company, m.customer, p.group) for p in groups if not p.deleted for m in p.members}
    held_groups(work).update(await store.write_groups(work, [_row(p) for p in groups], sorted(members)))


def _row(p: GroupChanged) -> tuple[Any, ...]:
    temporary = to_json([limit.model_dump(mode="json") for limit in p.temporary_limits])
    return (
        p.group, p.version, p.currency, p.credit_limit, p.expiry_date, p.check_member_overdue, temporary, p.deleted,
        p.changed_at,
    )  # fmt: skip
