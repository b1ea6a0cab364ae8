"""What the members of credit groups use of their shared limits, kept while nothing of it has changed.

Whoever changes figures of a member holds the row of its group, which has a new stamp from then on. Who locks the row
and finds the stamp that its own last decision left there knows what the members use, and reads only those it is asked
about.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hold_service.checks.known import Members, Share
from hold_service.groups.locks import held_groups
from holdfast.database.work import Work
from holdfast.receivables.model import Party, Position

NOTES = "kept_groups"
MOST_MEMBERS = 200_000
"""Of all groups that are kept: some hundred bytes each."""


class Row(Protocol):
    """A row by the names of its columns, or a JSON object."""

    def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Basis:
    """What shares depend on beside the figures: rates, set-ups and business dates of the members' companies."""

    rates: str
    setups: Mapping[str, str | None]
    dates: Mapping[str, str]

    def is_that_of(self, row: Row) -> bool:
        """Whether what a batch has read now is still the same."""
        stamps, dates = row["stamps"] or {}, row["dates"]
        same = all(stamps.get(company) == stamp for company, stamp in self.setups.items())
        return same and self.rates == row["rate_stamp"] and all(dates[c] == day for c, day in self.dates.items())


@dataclass(frozen=True, slots=True)
class Kept:
    """The members of a group as of a stamp: those whose share is settled, and the positions of the others."""

    parties: Sequence[Party]
    settled: Mapping[Party, Share]
    positions: Mapping[Party, Position]
    basis: Basis

    @property
    def companies(self) -> Collection[str]:
        """The companies of the members."""
        return self.basis.setups.keys()


class Keeper:
    """The groups that a process knows, by the stamp that it left."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._members = 0

    def known(self, work: Work) -> dict[str, Kept]:
        """Of the groups that a transaction holds and has not changed those that nobody has held since they were
        kept."""
        formers = {name: turn.former for name, turn in held_groups(work).items() if turn.former is not None}
        return {name: self._kept[former] for name, former in formers.items() if former in self._kept}

    def keep(self, work: Work, groups: Mapping[str, Kept]) -> None:
        """Remember groups as they are when the transaction commits, unless it forgets them before."""
        if NOTES not in work.notes:
            work.on_commit(lambda: self._remember(work))
            work.notes[NOTES] = {}
        forget(work, groups)
        work.notes[NOTES].update(groups)

    def _remember(self, work: Work) -> None:
        turns = held_groups(work)
        for name, kept in work.notes[NOTES].items():
            self._kept[turns[name].stamp] = kept
            self._members += len(kept.parties)
        while self._members > MOST_MEMBERS:
            self._drop(next(iter(self._kept)))

    def _drop(self, stamp: str) -> None:
        self._members -= len(self._kept.pop(stamp).parties)


KEEPER = Keeper()


def forget(work: Work, groups: Iterable[str]) -> None:
    """This transaction has changed figures of members of these groups: nothing that was known of them counts."""
    held, kept = held_groups(work), work.notes.get(NOTES, {})
    for name in groups:
        kept.pop(name, None)
        held[name] = replace(held[name], former=None)


def kept_of(members: Members, basis: Basis) -> Kept:
    """The members after a batch has been decided."""
    positions = {party: members.positions[party] for party in members.parties if party not in members.settled}
    return Kept(members.parties, members.settled, positions, basis)
