"""A change of a credit group or its membership: asked for where it raises, made, told (spec 1.10, 1.17)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import asyncpg

from credit_service import raising
from credit_service.groups import asking, store
from credit_service.groups.model import Group
from credit_service.history.model import LIMIT, MEMBERSHIP, Noted
from credit_service.history.store import note
from credit_service.lapsing import facts_changed
from credit_service.parameters.store import read_parameters
from credit_service.profiles.changing import by_adjustment_only
from credit_service.profiles.publishing import Door, publish, publish_limits
from credit_service.profiles.store import next_versions, read_profiles
from credit_service.temporary.store import temporary_of_groups
from holdfast.approvals.kinds import Asked
from holdfast.bus import outbox
from holdfast.contracts.credit import GroupChanged
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.model import Party
from holdfast.web import audit
from holdfast.web.etags import check_written
from holdfast.web.problems import Problem, field_problem


async def set_group(
    work: Work, before: Group | None, after: Group, who: str, reason: str | None
) -> asyncpg.Record | None:
    """Set a locked group, or ask for it where it raises; answers the approval if one was asked for.

    Raises Problem 409 where the owner's limits change by adjustments only.
    """
    if before is not None:
        await _may_edit_limit(work, before, after)
        await lock_accounts(work, (await store.members(work, [after.name]))[after.name])
        row = await asking.ask(work, before, asking.to_set(after), who, reason)
        if row is not None:
            return row
    await _make(work, before, after, Door(who, "manual", None, reason))
    return None


async def _may_edit_limit(work: Work, before: Group, after: Group) -> None:
    same = (before.credit_limit, before.currency, before.expiry_date)
    if same == (after.credit_limit, after.currency, after.expiry_date):
        return
    if not (await read_parameters(work, before.owner_company)).parameters.allow_manual_limit_edit:
        raise by_adjustment_only("make an adjustment journal with a line of the group and post it.")


async def change_member(
    work: Work, group: Group, party: Party, who: str, reason: str | None, *, join: bool
) -> asyncpg.Record | None:
    """Take a customer in or out, or ask for it: both may raise what the customer may owe."""
    await _may_change(work, group, party, join=join)
    row = await asking.ask(work, group, asking.to_move(group, party, join=join), who, reason)
    if row is None:
        await _move(work, group, party, Door(who, "manual", None, reason), join=join)
    return row


async def _may_change(work: Work, group: Group, party: Party, *, join: bool) -> None:
    await lock_accounts(work, {party, *(await store.members(work, [group.name]))[group.name]})
    known = await store.group_of(work, party)
    if join and known is not None:
        raise Problem(
            409, "member-of-a-group", "The customer is in a credit group",
            f"{party[0]}/{party[1]} belongs to {known}; a customer belongs to one group at most. Take it out first.",
        )  # fmt: skip
    if not join and known != group.name:
        raise field_problem(
            422, "not-a-member", "The customer is not in the group", "customer", "/".join(party),
            f"does not belong to {group.name}", "Name a member of the group.",
        )  # fmt: skip


async def _make(work: Work, before: Group | None, after: Group, door: Door) -> None:
    who, reason = door.who, door.reason
    check_written(await store.write_group(work, after))
    found = (await store.members(work, [after.name]))[after.name]
    await lock_accounts(work, found)
    await _audit(work, after, who, reason, asdict(before) if before else None, asdict(after))
    await note(work, _noted(before, after, door))
    if before is not None and before.expiry_date != after.expiry_date and found:
        await next_versions(work, found, who)
        await spread_expiry(work, after, found, who, reason)
    await tell_groups(work, [after.name], who)


def _noted(before: Group | None, after: Group, door: Door) -> list[Noted]:
    """What a change of the shared limit adds to the group's history."""
    same = before is not None and (before.credit_limit, before.currency, before.expiry_date) == (
        after.credit_limit, after.currency, after.expiry_date
    )  # fmt: skip
    if same:
        return []
    former = before.credit_limit if before is not None and before.currency == after.currency else None
    noted = Noted(after.owner_company, None, after.name, LIMIT, door.source, door.who, door.reason, former)
    return [replace(noted, new_limit=after.credit_limit, valid_to=after.expiry_date)]


async def _move(work: Work, group: Group, party: Party, door: Door, *, join: bool) -> None:
    who, reason = door.who, door.reason
    if join:
        await store.add_member(work, group.name, party)
    else:
        await store.remove_member(work, party)
    after = replace(group, version=group.version + 1)
    check_written(await store.write_group(work, after))
    member = {"member": "/".join(party)}
    await _audit(work, after, who, reason, None if join else member, member if join else None)
    moved = Noted(*party, group.name, MEMBERSHIP, door.source, who, reason)
    await note(work, [replace(moved, new_value=group.name) if join else replace(moved, old_value=group.name)])
    await next_versions(work, [party], who)
    if join:
        await spread_expiry(work, group, [party], who, reason)
    else:
        await publish(work, [party], who, reason)
    await tell_groups(work, [group.name], who, former=[] if join else [party])


async def spread_expiry(work: Work, group: Group, parties: list[Party], who: str, reason: str | None) -> None:
    """The group's expiry date becomes its members' (spec 1.10), which their histories and events tell.

    The members are locked and their profiles have new versions.
    """
    before = await read_profiles(work, parties)
    await store.set_expiry(work, parties, group.expiry_date)
    changed = [p for p in before.values() if p.credit_limit_expiry_date != group.expiry_date]
    why = reason or f"expires with the credit group {group.name}"
    await note(work, [
        Noted(p.company, p.customer, None, LIMIT, "group", who, why, p.credit_limit, p.credit_limit,
              p.credit_limit_date, group.expiry_date) for p in changed
    ])  # fmt: skip
    await publish(work, parties, who, reason)
    pairs = [(p, replace(p, credit_limit_expiry_date=group.expiry_date)) for p in changed]
    await publish_limits(work, pairs, Door(who, "group", group.name, why))


async def tell_groups(work: Work, names: list[str], who: str, former: list[Party] | None = None) -> None:
    """Publish the whole state of groups whose versions are new; what was asked on the old lapses."""
    groups, found = await store.read_groups(work, names), await store.members(work, names)
    temporary = await temporary_of_groups(work, names, earliest_date(work.business_now))
    await outbox.emit(
        work,
        [
            GroupChanged.model_validate({
                "group": group.name, "sequence": 1, "version": group.version, "description": group.description,
                "currency": group.currency, "credit_limit": group.credit_limit, "expiry_date": group.expiry_date,
                "check_member_overdue": group.check_member_overdue,
                "temporary_limits": [asdict(limit) for limit in temporary.get(group.name, ())],
                "members": [{"company": c, "customer": n} for c, n in found[group.name]],
                "former_members": [{"company": c, "customer": n} for c, n in former or ()],
                "changed_at": work.business_now, "changed_by": who,
            })
            for group in groups.values()
        ],
    )  # fmt: skip
    await facts_changed(work, groups=names)


async def _audit(work: Work, group: Group, who: str, reason: str | None, before: Any, after: Any) -> None:
    await audit.record(
        work, who=who, what="credit-group.changed", company=group.owner_company, subject=group.name,
        before=before, after=after, why=reason,
    )  # fmt: skip


async def _take_effect(work: Work, proposal: dict[str, Any], asked: Asked) -> None:
    """Once every company that has to has approved."""
    group, party = await store.read_group(work, proposal["group"]), asking.member_of(proposal)
    assert group is not None
    if await asking.ask_next(work, group, proposal, asked.requester, asked.reason):
        return
    door = Door(asked.requester, "approved", str(asked.id), asked.reason)
    if party is None:
        await _make(work, group, replace(asking.group_of(proposal), version=group.version + 1), door)
        return
    join = proposal["act"] == "join"
    await _may_change(work, group, party, join=join)
    await _move(work, group, party, door, join=join)


raising.DOORS["group"] = raising.Door(asking.lock, asking.asked_on, asking.amount, _take_effect)
