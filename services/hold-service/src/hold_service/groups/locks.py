"""What everything that reads or writes figures locks: the groups of its customers, then their accounts, each sorted.

A member's figures count for the whole group, so whoever changes them holds the group: a decision under the lock of
the group reads the figures of all members without locking their accounts (engineering notes, 4.5, rows 1 and 2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from hold_service.groups import store
from hold_service.groups.store import Turn
from holdfast.database.work import TryAgain, Work
from holdfast.receivables.accounts import LOCK_FREE, lock_accounts, note_locked, touched, try_lock_accounts
from holdfast.receivables.model import Party

NOTES = "credit_groups"
LOCK_ALONE = f"""
{LOCK_FREE} WHERE NOT EXISTS (
    SELECT FROM credit_group_member m WHERE m.customer = p.customer AND m.company = p.company)
"""
"""Locks customers that are free; members of credit groups are left out: their groups are locked before them."""


def held_groups(work: Work) -> dict[str, Turn]:
    """The groups that this transaction holds."""
    return cast(dict[str, Turn], work.notes.setdefault(NOTES, {}))


async def lock_parties(work: Work, parties: Collection[Party]) -> None:
    """Lock customers and their groups, waiting for whoever holds them."""
    wanted = set(parties) - touched(work).locked
    if not wanted:
        return
    await _lock_groups(work, await store.groups_of(work, wanted))
    await lock_accounts(work, wanted)
    await _must_hold_groups_of(work, wanted)


async def _lock_groups(work: Work, memberships: Mapping[Party, set[str]]) -> None:
    groups = set[str]().union(*memberships.values()) - held_groups(work).keys()
    if groups:
        held_groups(work).update(await store.lock_rows(work, groups, wait=True))


async def try_lock_parties(work: Work, parties: Collection[Party], locked: Collection[Party] = ()) -> set[Party]:
    """As `lock_parties`, but passes over customers that somebody else, or whose group somebody else holds.

    `locked` are those that the caller has by `LOCK_ALONE`. Who never waits may lock in any order: accounts first,
    which tells the groups at the same time.
    """
    note_locked(work, locked)
    state = touched(work)
    if state.locked.issuperset(parties):
        return set(parties)
    found = await store.lock_free_accounts(work, set(parties) - state.locked)
    missing = set(parties) - state.locked - found.keys()
    if missing:
        made = await try_lock_accounts(work, missing)
        found |= {party: set[str]() for party in made} | await store.groups_of(work, made)
    held = held_groups(work)
    groups = set[str]().union(*found.values()) - held.keys()
    if groups:
        held.update(await store.lock_rows(work, groups, wait=False))
    state.locked -= found.keys()
    state.locked |= {party for party, needs in found.items() if needs <= held.keys()}
    return set(parties) & state.locked


def must_have_locked(work: Work, parties: Collection[Party]) -> None:
    """Raises TryAgain when what was read of these customers was another one's when that one was locked."""
    if missing := set(parties) - touched(work).locked:
        raise TryAgain(f"{', '.join('/'.join(party) for party in sorted(missing))} was not to be locked before")


def must_hold(work: Work, groups: Collection[str]) -> None:
    """Raises TryAgain when a customer has joined a group between the two locks."""
    missing = set(groups) - held_groups(work).keys()
    if missing:
        raise TryAgain(f"a locked customer has joined {', '.join(sorted(missing))} meanwhile")


async def _must_hold_groups_of(work: Work, parties: Collection[Party]) -> None:
    memberships = await store.groups_of(work, parties)
    must_hold(work, set[str]().union(*memberships.values()))
