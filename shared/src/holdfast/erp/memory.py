"""What an earlier demo left in the data folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Played:
    """A replay that came to its end: what was played, from when to when, and how long it took."""

    title: str
    events: int
    requests: int
    first_day: str
    last_day: str
    seconds: float


class Memory:
    """A small file beside the data of one bus."""

    def __init__(self, data_dir: Path, bus: str) -> None:
        self._path = data_dir / f"demo-{bus}.json"

    def read(self) -> Played | None:
        """The replay that is in the databases, when it came to its end."""
        try:
            return Played(**orjson.loads(self._path.read_bytes()))
        except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
            return None

    def broken_off(self) -> str | None:
        """What was being replayed when an earlier demo was broken off."""
        try:
            found = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        return str(found.get("unfinished") or "another version's replay") if self.read() is None else None

    def begin(self, title: str) -> None:
        """A replay begins; until it has come to its end, what is in the databases is a part of it."""
        self._path.write_bytes(orjson.dumps({"unfinished": title}))

    def write(self, played: Played) -> None:
        """Remember a finished replay."""
        self._path.write_bytes(orjson.dumps(asdict(played)))
