"""The lock on a customer's figures, and what a transaction has touched so far."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

NOTES = "receivables"

ADD = """
INSERT INTO account (company, customer) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT a.* FROM unnest($1::text[], $2::text[]) AS p(company, customer)
CROSS JOIN LATERAL (
    SELECT a.company, a.customer FROM account a
    WHERE a.company = p.company AND a.customer = p.customer FOR UPDATE {wait}) a
"""
"""One key after another, in the order of the arrays: the caller sorts them."""
LOCK_ALL, LOCK_FREE = LOCK.format(wait=""), LOCK.format(wait="SKIP LOCKED")


@dataclass(slots=True)
class Touched:
    """Of one transaction: the customers it holds, and what to recompute: documents with
    their owners, orders with their buyers. `new` documents have their open amount from the event itself."""

    locked: set[Party] = field(default_factory=set)
    owners: set[Party] = field(default_factory=set)
    buyers: set[Party] = field(default_factory=set)
    documents: set[tuple[str, str]] = field(default_factory=set)
    new: set[tuple[str, str]] = field(default_factory=set)
    orders: set[tuple[str, str]] = field(default_factory=set)
    recomputed: set[Party] = field(default_factory=set)


def touched(work: Work) -> Touched:
    """What this transaction has touched; kept with the unit of work."""
    return cast(Touched, work.notes.setdefault(NOTES, Touched()))


def recomputed(work: Work) -> set[Party]:
    """Every customer whose figures this transaction has recomputed, also those no event named."""
    return touched(work).recomputed


def note_locked(work: Work, parties: Collection[Party]) -> None:
    """The caller has locked these customers by `LOCK_FREE` in a statement of its own."""
    touched(work).locked.update(parties)


async def lock_accounts(work: Work, parties: Collection[Party]) -> None:
    """Take the lock rows of these customers in sorted order, making those that are missing.

    A statement of its own: what is read afterwards sees all that earlier holders committed
    (notes, 4.5, row 1).
    """
    wanted = _sorted(work, parties)
    if not wanted:
        return
    found = await work.conn.fetch(LOCK_ALL, *columns(wanted))
    if len(found) < len(wanted):
        await work.conn.execute(ADD, *columns(wanted))
        await work.conn.fetch(LOCK_ALL, *columns(wanted))
    touched(work).locked.update(wanted)


async def try_lock_accounts(work: Work, parties: Collection[Party], locked: Collection[Party] = ()) -> set[Party]:
    """As `lock_accounts`, but passes over customers that somebody else holds; returns those it got.

    `locked` are those that the caller has by `LOCK_FREE`.
    """
    note_locked(work, locked)
    wanted = _sorted(work, parties)
    if not wanted:
        return set(parties)
    found = {(r[0], r[1]) for r in await work.conn.fetch(LOCK_FREE, *columns(wanted))}
    missing = [party for party in wanted if party not in found]
    if missing:
        await work.conn.execute(ADD, *columns(missing))
        found |= {(r[0], r[1]) for r in await work.conn.fetch(LOCK_FREE, *columns(missing))}
    touched(work).locked |= found
    return found | (set(parties) & touched(work).locked)


def _sorted(work: Work, parties: Collection[Party]) -> list[Party]:
    return sorted(set(parties) - touched(work).locked)
