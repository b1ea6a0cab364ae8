"""Whom a change of a credit group or its membership is asked of, and what results (spec 1.10, 1.17).

The owner's workflow governs the group, and each company whose member may owe more has its own: they are asked one after
another, the owner first, and the change takes effect when the last has approved.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from hashlib import md5
from typing import Any

import asyncpg

from credit_service import raising
from credit_service.groups import store
from credit_service.groups.model import Group, raises
from credit_service.profiles.model import loosens
from credit_service.room.model import Standing, basis, resulting_limit
from credit_service.room.model import raises as lets_owe_more
from credit_service.room.reading import changed_standing, in_company_currency, read_standings
from credit_service.temporary.store import temporary_of_groups
from holdfast.approvals.kinds import TaskFailed
from holdfast.approvals.model import State
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.limits import Level, Temporary
from holdfast.receivables.model import Party
from holdfast.web.problems import Problem

Proposal = dict[str, Any]
OF_THE_REQUEST = ("door", "company", "consented", "consented_on")
"""What a proposal says besides the change itself: who is asked, who has approved, and on what."""


def to_set(after: Group) -> Proposal:
    """What is asked for: a group as it shall be."""
    return {"group": after.name, "act": "set", "fields": asdict(after)}


def to_move(group: Group, party: Party, *, join: bool) -> Proposal:
    """What is asked for: a customer taken in or out."""
    member = {"company": party[0], "customer": party[1]}
    return {"group": group.name, "act": "join" if join else "leave", "member": member}


def group_of(proposal: Proposal) -> Group:
    """The group as it shall be."""
    fields = proposal["fields"]
    expiry, limit = fields["expiry_date"], Decimal(fields["credit_limit"])
    return Group(**fields | {
        "credit_limit": limit, "expiry_date": expiry if isinstance(expiry, date) else date.fromisoformat(expiry)
    })  # fmt: skip


def member_of(proposal: Proposal) -> Party | None:
    """Who is to be taken in or out."""
    found = proposal.get("member")
    return (found["company"], found["customer"]) if found else None


async def concerned(work: Work, group: Group, proposal: Proposal) -> list[Party]:
    """The customers whose room the change may raise; they are to be locked."""
    party = member_of(proposal)
    return [party] if party is not None else (await store.members(work, [group.name]))[group.name]


async def lock(work: Work, proposal: Proposal) -> None:
    """The group, then its members and who is to join."""
    await store.lock_group(work, proposal["group"])
    found, party = (await store.members(work, [proposal["group"]]))[proposal["group"]], member_of(proposal)
    await lock_accounts(work, {*found, *([party] if party else [])})


def _after(standing: Standing, group: Group, shared: Sequence[Temporary], proposal: Proposal) -> Standing:
    """What a customer may owe after the change; the group's expiry date becomes the member's (spec 1.10)."""
    if proposal["act"] == "leave":
        return replace(standing, group=None, shared=())
    wanted = group_of(proposal) if proposal["act"] == "set" else group
    profile = standing.profile
    if proposal["act"] == "join" or wanted.expiry_date != group.expiry_date:
        profile = replace(profile, credit_limit_expiry_date=wanted.expiry_date)
    return replace(standing, group=wanted, shared=shared, profile=profile)


async def effects(
    work: Work, group: Group, proposal: Proposal, temporary: tuple[str, Temporary] | None = None
) -> dict[str, Decimal]:
    """The limit that results by company, its currency, of those that have to approve: the owner, and those whose
    customers may owe more. `temporary`: a temporary limit that the group gets as well, instead of the one of that id.
    Raises Problem 422 when a rate lacks."""
    parties = await concerned(work, group, proposal)
    companies = {group.owner_company, *(company for company, _ in parties)}
    approving = {company for company in companies if await raising.must_ask(work, company)}
    if not approving:
        return {}
    shared = (await temporary_of_groups(work, [group.name], date.min)).get(group.name, [])
    wanted = group_of(proposal) if proposal["act"] == "set" else group
    found: dict[str, Decimal] = {}
    raised = proposal["act"] != "set" or raises(group, wanted)
    if temporary is not None:
        raised = raised or temporary[1].amount > min([wanted.credit_limit, *(limit.amount for limit in shared)])
        shared = sorted([*(limit for limit in shared if limit.id != temporary[0]), temporary[1]], key=_first_day)
    for (company, _), standing in (await read_standings(work, parties)).items():
        after = _after(standing, group, shared, proposal)
        raised = raised or loosens(standing.profile, after.profile)
        if company in approving and (limit := await _measured(work, standing, after, proposal["act"])) is not None:
            found[company] = max(limit, found.get(company, limit))
    if (found or raised) and group.owner_company in approving - set(found):
        today = earliest_date(work.business_now)
        limit = max([wanted.credit_limit, *(limit.amount for limit in shared if limit.to_date >= today)])
        found[group.owner_company] = await in_company_currency(work, group.owner_company, limit, wanted.currency)
    return found


def _first_day(limit: Temporary) -> date:
    return limit.from_date


async def _measured(work: Work, before: Standing, after: Standing, act: str) -> Decimal | None:
    """The limit that results for a customer who may owe more; who joins or leaves counts as one."""
    before, after = await changed_standing(work, before, after)
    if act == "set" and not lets_owe_more(before, after):
        return None
    return resulting_limit(before, after, Level.OWN if act == "leave" else Level.GROUP)


async def asked_of(work: Work, group: Group, proposal: Proposal, consented: Collection[str] = ()) -> str | None:
    """The company that has to approve next, the owner first; None when nobody has to."""
    found = set(await effects(work, group, proposal)) - set(consented)
    return min(found, key=lambda name: (name != group.owner_company, name), default=None)


async def ask(
    work: Work, group: Group, proposal: Proposal, who: str, reason: str | None, consented: Collection[str] = ()
) -> asyncpg.Record | None:
    """Ask the company that has to approve next; answers what waits, or was done at once; None when nobody has to."""
    company = await asked_of(work, group, proposal, consented)
    if company is None:
        return None
    subject = f"group {group.name}"
    told = proposal | {"consented": sorted(consented), "consented_on": await _digest(work, proposal)}
    row = await raising.ask(work, "group", company, subject, who, told, reason)
    return row if row["state"] != State.COMPLETED else await raising.open_anywhere(work, subject) or row


async def ask_next(work: Work, group: Group, proposal: Proposal, who: str, reason: str | None) -> bool:
    """After a company has approved: ask the next one; False when it was the last. Raises TaskFailed, also when what the
    former ones have approved has changed since."""
    told = {name: part for name, part in proposal.items() if name not in OF_THE_REQUEST}
    if proposal["consented"] and proposal["consented_on"] != await _digest(work, told):
        raise TaskFailed("What the other companies have approved has changed meanwhile: ask again.")
    try:
        return await ask(work, group, told, who, reason, [*proposal["consented"], proposal["company"]]) is not None
    except Problem as problem:
        raise TaskFailed(problem.detail) from None


async def _digest(work: Work, proposal: Proposal) -> str:
    """What a change is asked on, as one company tells another."""
    return md5(to_json(await asked_on(work, proposal)).encode(), usedforsecurity=False).hexdigest()


async def asked_on(work: Work, proposal: Proposal) -> Any:
    """What a change is asked on: the group, its members and, where one joins or leaves, what that one may owe."""
    name, party = proposal["group"], member_of(proposal)
    group, members = await store.read_group(work, name), (await store.members(work, [name]))[name]
    shared = (await temporary_of_groups(work, [name], date.min)).get(name, [])
    standing = (await read_standings(work, [party]))[party] if party else None
    return {
        "group": asdict(replace(group, version=0)) if group else None, "members": members,
        "temporary": sorted(limit.id for limit in shared),
        "member": None if standing is None else basis(standing),
    }  # fmt: skip


async def amount(work: Work, proposal: Proposal) -> Decimal:
    """The resulting limit in the currency of the company that is asked."""
    group = await store.read_group(work, proposal["group"])
    assert group is not None
    return (await effects(work, group, proposal)).get(proposal["company"], Decimal(0))
