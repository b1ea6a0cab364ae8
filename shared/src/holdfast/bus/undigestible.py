"""What is said of a record that can never be handled as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from holdfast.contracts.refusals import Refusal

Parties = tuple[tuple[str, str], ...]
MOST_TOLD = 20
"""Faults of one event that are told at once; whoever has made more sees the pattern."""


class Undigestible(Exception):
    """A record that can never be handled as it is: says which field, its value (shortened) and the remedy.

    `more` is what else is wrong with it. `key` and `parties` are read from the body where company and customer can be,
    else from the record's key.
    """

    def __init__(
        self, field: str, value: str, problem: str, remedy: str, key: str | None = None, parties: Parties = (),
        more: Sequence[Refusal] = (),
    ) -> None:  # fmt: skip
        super().__init__(f"{field}: {problem} (got {value}). {remedy}")
        self.field, self.value, self.problem, self.remedy = field, value, problem, remedy
        self.key, self.parties = key, parties
        self.more = tuple(more)[: MOST_TOLD - 1]

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """All that is wrong, what is told first before the rest."""
        return (Refusal(self.field, self.value, self.problem, self.remedy), *self.more)

    @classmethod
    def of(cls, refusals: Sequence[Refusal]) -> Self:
        """One for all of `refusals`, of which there is at least one."""
        first, *more = refusals
        return cls(first.field, first.value, first.problem, first.remedy, more=more)

    def called(self, noun: str, name: Callable[[str], str]) -> Self:
        """The same with the headers of the bus called as they were sent: as a `noun` of that `name`."""
        return self.of([_called(refusal, noun, name(refusal.field)) for refusal in self.refusals])


def as_attribute(header: str) -> str:
    """What a header of the bus is called in an event in JSON."""
    return "datacontenttype" if header == "content-type" else header.removeprefix("ce_")


def _called(refusal: Refusal, noun: str, name: str) -> Refusal:
    remedy = refusal.remedy.replace(f"header {refusal.field}", f"{noun} {name}")
    return Refusal(name, refusal.value, refusal.problem, remedy)
