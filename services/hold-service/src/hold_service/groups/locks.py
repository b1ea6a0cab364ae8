"""What everything that reads or writes figures locks: the groups of its customers, then their accounts, each sorted.

A member's figures count for the whole group, so whoever changes them holds the group: a decision under the lock of
the group reads the figures of all members without locking their accounts (engineering notes, 4.5, rows 1 and 2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from hold_service.groups import store
from holdfast.database.work import TryAgain, Work
from holdfast.receivables.accounts import lock_accounts, touched, try_lock_accounts
from holdfast.receivables.model import Party

NOTES = "credit_groups"


def _held(work: Work) -> set[str]:
    return cast(set[str], work.notes.setdefault(NOTES, set()))


async def lock_parties(work: Work, parties: Collection[Party]) -> None:
    """Lock customers and their groups, waiting for whoever holds them."""
    wanted = set(parties) - touched(work).locked
    if not wanted:
        return
    await _lock_groups(work, await store.groups_of(work, wanted))
    await lock_accounts(work, wanted)


async def _lock_groups(work: Work, memberships: Mapping[Party, set[str]]) -> None:
    groups = set[str]().union(*memberships.values()) - _held(work)
    if groups:
        _held(work).update(await store.lock_rows(work, groups, wait=True))


async def try_lock_parties(work: Work, parties: Collection[Party]) -> set[Party]:
    """As `lock_parties`, but passes over customers that somebody else, or whose group somebody else holds."""
    memberships = await store.groups_of(work, parties)
    groups = set[str]().union(*memberships.values()) - _held(work)
    if groups:
        _held(work).update(await store.lock_rows(work, groups, wait=False))
    free = {party for party in parties if memberships.get(party, set()) <= _held(work)}
    return await try_lock_accounts(work, free)


def must_hold(work: Work, groups: Collection[str]) -> None:
    """Raises TryAgain when a customer has joined a group between the two locks."""
    missing = set(groups) - _held(work)
    if missing:
        raise TryAgain(f"a locked customer has joined {', '.join(sorted(missing))} meanwhile")
