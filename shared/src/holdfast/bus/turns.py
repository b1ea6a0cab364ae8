"""Whose turn it is in a partition: the busiest customer does not keep the others waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from holdfast.bus.envelope import Incoming, UnknownType, decode
from holdfast.bus.handlers import Service
from holdfast.bus.port import Record
from holdfast.bus.segments import depths
from holdfast.bus.undigestible import Undigestible
from holdfast.values import quick

DEEP = 4
"""Up to so many segments of a key are handled in one transaction while no other key waits."""
log = structlog.get_logger(__name__)


@quick
@dataclass(frozen=True, slots=True)
class Item:
    """A record with what became of reading it: an event, an error, or neither (ignored)."""

    record: Record
    event: Incoming[Any] | None = None
    error: Exception | None = None


def read(service: Service, record: Record) -> Item:
    """Decode a record; never raises for what the record contains."""
    try:
        event = decode(record)
    except UnknownType as unknown:
        log.debug("event_ignored", service=service.name, type=unknown.event_type)
        return Item(record)
    except Undigestible as error:
        return Item(record, error=error)
    return Item(record, event if service.handlers.get(event.type) else None)


class Turns:
    """What waits in a partition, in the order of the log, which is kept within a key.

    What a turn has handled ahead of a key that has to wait is remembered here until all before it is handled too; after
    a crash the inbox knows it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting: deque[Item] = deque()
        self._ahead: set[int] = set()
        self.is_deep = False
        """Whether this turn takes several segments."""

    def next(self, records: Sequence[Record]) -> list[Item]:
        """What to handle next of the records that wait, the first of them always among it.

        One customer's hundred orders with a check each take a hundred segments. Where other keys wait too, each has one
        segment, so that nobody waits for more than one of the busiest. Where something cannot be read the order of the
        log decides.
        """
        known = {item.record.offset: item for item in self._waiting}
        self._waiting = deque(known.get(record.offset) or read(self._service, record) for record in records)
        self._ahead.intersection_update(item.record.offset for item in self._waiting)
        items = [item for item in self._waiting if item.record.offset not in self._ahead]
        self.is_deep = False
        if any(item.error is not None for item in items):
            return items
        events = [item.event for item in items if item.event is not None]
        limit = 1 if len({event.key for event in events}) > 1 else DEEP
        places = depths(events, self._service.handlers)
        self.is_deep = limit > 1 and max(places, default=0) > 0
        place = iter(places)
        return [item for item in items if item.event is None or next(place) < limit]

    def reached(self, items: Sequence[Item]) -> Record | None:
        """The last record up to which all are handled once these items are; None when the first one still waits."""
        done = self._ahead.union(item.record.offset for item in items)
        last = None
        for item in self._waiting:
            if item.record.offset not in done:
                break
            last = item.record
        return last

    def handled(self, items: Sequence[Item]) -> None:
        """These items have taken effect."""
        self._ahead.update(item.record.offset for item in items)
        while self._waiting and self._waiting[0].record.offset in self._ahead:
            self._ahead.remove(self._waiting.popleft().record.offset)
