"""How much poison is bad data, and from where on it is a bad deploy."""

from __future__ import annotations

from collections import deque

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

    def allows(self, poison: int, others: int) -> bool:
        """Whether, after `others` more records, so many more poison ones may have been diverted."""
        bad, seen = sum(self._seen) + poison, len(self._seen) + others + 1
        return bad < self._least or bad / min(seen, self._seen.maxlen or seen) <= self._share

    def stop(self) -> PartitionStopped:
        """The reason to stand still."""
        poison, seen = sum(self._seen), len(self._seen)
        return PartitionStopped(
            "too_much_poison",
            f"{poison} of the last {seen} records could not be digested; nothing more is diverted. "
            "Look at the newest dead letters: stop a sender that ships nonsense, or roll back a release that "
            "cannot read good events, then restart the worker.",
        )
