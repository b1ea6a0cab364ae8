"""How much poison is bad data, and from where on it is a bad deploy."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

WINDOW = 1000
LEAST = 20
SHARE = 0.10


class PartitionStopped(Exception):
    """The partition stands still until an operator has looked; `reason` is a word, the text says what to do."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class PoisonLimit:
    """Counts poison (not what is parked behind it) over the last records of a partition."""

    def __init__(self, window: int = WINDOW, least: int = LEAST, share: float = SHARE) -> None:
        self._seen: deque[bool] = deque(maxlen=window)
        self._least, self._share = least, share

    def note(self, poison: bool) -> None:
        """A record was handled, or was poison."""
        self._seen.append(poison)

    def remember(self, position: int, poison: Iterable[int]) -> None:
        """Begin with what waits already: offsets of poison among the last records before `position`."""
        bad, window = set(poison), self._seen.maxlen or 0
        self._seen.extend(offset in bad for offset in range(max(0, position - window), position))

    @property
    def share(self) -> float:
        """The share of poison among the last records, 0 to 1."""
        return sum(self._seen) / len(self._seen) if self._seen else 0.0

    def allows_one_more(self) -> bool:
        """Whether the next record may be diverted."""
        window = self._seen.maxlen or 0
        leaving = len(self._seen) == window and self._seen[0]
        bad, seen = sum(self._seen) + 1 - leaving, min(len(self._seen) + 1, window)
        return bad < self._least or bad / seen <= self._share

    def stop(self) -> PartitionStopped:
        """The reason to stand still."""
        poison, seen = sum(self._seen), len(self._seen)
        return PartitionStopped(
            "too_much_poison",
            f"{poison} of the last {seen} records could not be digested; nothing more is diverted. "
            "Look at the newest dead letters: stop a sender that ships nonsense, or roll back a release that "
            "cannot read good events; replay or drop what waits, then restart the worker.",
        )
