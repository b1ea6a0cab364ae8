"""What an ERP says on one simulated day, and the lines of a file that keep it.

A line is one CloudEvent in structured mode with the extension `simulatedday`: the day on which it arrives.
It can also be posted to the ingest endpoint as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from holdfast.bus.envelope import encode
from holdfast.bus.port import Outgoing
from holdfast.contracts import REGISTRY, Payload
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.contracts.erp_reference import CompanyWentLive
from holdfast.contracts.refusals import explain
from holdfast.contracts.topics import ERP_CUSTOMERS, ERP_REFERENCE


class BadFile(Exception):
    """A file of events cannot be replayed; one sentence that says where and why."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the ERP, as it will be on the bus."""

    id: str
    source: str
    time: datetime
    payload: Payload

    def record(self) -> Outgoing:
        """The event as a record in binary mode."""
        kind = self.payload.event_type
        return encode(id=self.id, source=self.source, type=kind, time=self.time, payload=self.payload)


@dataclass(slots=True)
class Day:
    """What arrives on one simulated day: facts first, then requests to pass a checkpoint."""

    date: date
    facts: list[Happening] = field(default_factory=list)
    requests: list[Happening] = field(default_factory=list)

    def add(self, happening: Happening) -> None:
        """Put an event where it belongs."""
        asks = isinstance(happening.payload, CheckpointRequested)
        (self.requests if asks else self.facts).append(happening)

    def ordered_facts(self) -> list[Happening]:
        """Companies and customers first, the declaration that a company is live last."""
        return sorted(self.facts, key=_rank)


def _rank(happening: Happening) -> int:
    if isinstance(happening.payload, CompanyWentLive):
        return 3
    topics = {ERP_REFERENCE.name: 0, ERP_CUSTOMERS.name: 1}
    return topics.get(happening.payload.topic.name, 2)


def write_lines(days: Iterable[Day]) -> Iterator[bytes]:
    """The lines of a file, without their ends."""
    for day in days:
        for happening in (*day.facts, *day.requests):
            yield orjson.dumps(_structured(happening, day.date))


def read_days(lines: Iterable[bytes]) -> Iterator[Day]:
    """The days in the lines of a file. Raises BadFile."""
    day: Day | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        on, happening = _read(number, line)
        if day is not None and on < day.date:
            raise BadFile(f"line {number}: {on} comes after {day.date}; sort the lines by simulatedday.")
        if day is None or on > day.date:
            if day is not None:
                yield day
            day = Day(on)
        day.add(happening)
    if day is not None:
        yield day


def _structured(happening: Happening, on: date) -> dict[str, Any]:
    payload = happening.payload
    return {
        "specversion": "1.0", "id": happening.id, "source": happening.source, "type": payload.event_type,
        "time": happening.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json", "partitionkey": payload.partition_key(),
        "simulatedday": on.isoformat(), "data": payload.model_dump(mode="json", exclude_none=True),
    }  # fmt: skip


def _read(number: int, line: bytes) -> tuple[date, Happening]:
    try:
        event = orjson.loads(line)
        on, time = date.fromisoformat(event["simulatedday"]), datetime.fromisoformat(event["time"])
        payload = REGISTRY[event["type"]].model_validate_json(orjson.dumps(event["data"]))
        return on, Happening(event["id"], event["source"], time, payload)
    except ValidationError as error:
        first = explain(error)[0]
        raise BadFile(f"line {number}, {first.field}: {first.problem}. {first.remedy}") from None
    except KeyError as error:
        raise BadFile(f"line {number}: {error} is missing or not an event type of the catalogue.") from None
    except (ValueError, TypeError) as error:
        raise BadFile(f"line {number} is not an event with a simulatedday: {error}.") from None
