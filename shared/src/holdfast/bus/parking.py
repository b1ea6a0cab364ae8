"""Parking: a record nobody can digest, and later ones of its key behind it, wait in the dead letters.

The row of `parked_key` is the lock under which records are parked, replayed and unparked.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.bus import documents, outbox
from holdfast.bus.envelope import Incoming
from holdfast.bus.handlers import Party, Service
from holdfast.bus.inbox import UsedAlready
from holdfast.bus.port import Record
from holdfast.bus.undigestible import Parties, Undigestible
from holdfast.contracts.dead_letters import DeadLetterParked
from holdfast.database.bulk import columns
from holdfast.database.work import Work

CRASH_REMEDY = (
    "This event is well formed, and handling it failed: mend the error (see the stack) and replay it, "
    "or send a newer version of the document."
)


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that cannot be digested, and why."""

    record: Record
    event: Incoming[Any] | None
    error: Exception

    @property
    def key(self) -> str | None:
        """The key whose later events must wait; None parks nothing."""
        return self.event.key if self.event else getattr(self.error, "key", None)

    @property
    def parties(self) -> Parties:
        """Customers whose figures are incomplete from now on."""
        found = self.event.payload.parties() if self.event else getattr(self.error, "parties", ())
        return tuple(found)

    @property
    def is_marked(self) -> bool:
        """Whether the inbox mark of the event is that of this record."""
        return self.event is not None and not isinstance(self.error, UsedAlready)


async def parked_keys(work: Work, topic: str, keys: Iterable[str]) -> set[str]:
    """Which of `keys` are parked on `topic`; their rows stay locked to the end of the transaction."""
    rows = await work.conn.fetch(
        "SELECT key FROM parked_key WHERE topic = $1 AND key = ANY($2::text[]) ORDER BY key FOR UPDATE",
        topic,
        sorted(set(keys)),
    )
    return {row["key"] for row in rows}


async def lock_key_of(work: Work, number: int) -> None:
    """Lock the row of the key that a dead letter belongs to, if it has one."""
    await work.conn.execute(
        """SELECT FROM parked_key WHERE (topic, key) IN (SELECT topic, key FROM dead_letter WHERE id = $1)
           FOR UPDATE""",
        number,
    )


async def any_parked(work: Work, wanted: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these topics and keys are parked; nothing is locked."""
    rows = await work.conn.fetch(
        """SELECT w.topic, w.key FROM unnest($1::text[], $2::text[]) AS w (topic, key)
           WHERE (SELECT true FROM parked_key k WHERE k.topic = w.topic AND k.key = w.key)""",
        *columns(wanted, 2),
    )
    return {(row["topic"], row["key"]) for row in rows}


async def parked(work: Work, parties: Iterable[Party]) -> set[Party]:
    """Customers of whom events wait in the dead letters: their figures are not complete."""
    rows = await work.conn.fetch(
        "SELECT DISTINCT party FROM parked_party WHERE party = ANY($1::text[])", names_of(parties)
    )
    return parties_of(row["party"] for row in rows)


def names_of(parties: Iterable[Party]) -> list[str]:
    """As `parked_party` names customers."""
    return [f"{company}/{customer}" for company, customer in parties]


def parties_of(names: Iterable[str]) -> set[Party]:
    """Customers by the names that `parked_party` has for them."""
    parted = (name.partition("/") for name in names)
    return {(company, customer) for company, _, customer in parted}


async def park(service: Service, work: Work, poison: Poison) -> None:
    """Put a poison record into the dead letters, park its key and announce it."""
    if poison.key is not None:
        await _park_key(work, poison.record.topic, poison.key, poison.parties)
        await service.on_parked(work, set(poison.parties))
    row = _row(poison.record, poison.event, "poison", poison.key) | {"marked": poison.is_marked}
    row |= _reason(poison.error)
    number = await _insert(work, row)
    notice = DeadLetterParked(
        dead_letter=number, sequence=1, from_topic=row["topic"], key=row["key"], ce_type=row["event_type"],
        ce_id=row["event_id"], field=row["field"], value=row["shown"], reason=row["reason"], remedy=row["remedy"],
    )  # fmt: skip
    await outbox.publish(work, [outbox.row_of(notice, service.dead_letters)])


async def park_behind(service: Service, work: Work, events: Sequence[Incoming[Any]]) -> set[str]:
    """Let events of parked keys wait behind. Answers the keys that a newer version of the document has mended."""
    for event in events:
        parties = event.payload.parties()
        await _park_key(work, event.record.topic, event.key, parties)
        await service.on_parked(work, set(parties))
        await _insert(work, _row(event.record, event, "behind", event.key))
    return await _supersede(work, events)


async def _park_key(work: Work, topic: str, key: str, parties: Iterable[Party]) -> None:
    await work.conn.execute(
        "INSERT INTO parked_key (topic, key, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        topic,
        key,
        work.now,
    )
    await work.conn.execute(
        """INSERT INTO parked_party (party, topic, key) SELECT unnest($1::text[]), $2, $3
           ON CONFLICT DO NOTHING""",
        sorted({f"{company}/{customer}" for company, customer in parties}),
        topic,
        key,
    )


async def _supersede(work: Work, events: Sequence[Incoming[Any]]) -> set[str]:
    """A digestible newer version of the same document takes the place of the poison one, which says so."""
    mended: set[str] = set()
    for event in events:
        newer = documents.of_event(event)
        if newer is None:
            continue
        done = await work.conn.execute(
            """UPDATE dead_letter SET state = 'superseded', settled_at = $6, note = $7
               WHERE topic = $1 AND key = $2 AND state = 'poison' AND document = $3 AND version < $4
                 AND "offset" < $5""",
            event.record.topic,
            event.key,
            newer.document,
            newer.version,
            event.record.offset,
            work.now,
            f"version {newer.version} of the document arrived as event {event.id}",
        )
        if not done.endswith(" 0"):
            mended.add(event.key)
    return mended


async def unpark(service: Service, work: Work, topic: str, key: str) -> None:
    """The key waits no longer. Its row is locked by the caller."""
    rows = await work.conn.fetch("DELETE FROM parked_party WHERE topic = $1 AND key = $2 RETURNING party", topic, key)
    await work.conn.execute("DELETE FROM parked_key WHERE topic = $1 AND key = $2", topic, key)
    await service.on_freed(work, parties_of(row["party"] for row in rows))


def _row(record: Record, event: Incoming[Any] | None, state: str, key: str | None) -> dict[str, Any]:
    headers = documents.attributes(record)
    version = documents.of_event(event) if event else documents.of_record(record)
    return {
        "state": state, "topic": record.topic, "partition": record.partition, "offset": record.offset,
        "key": key, "record_key": None if record.key is None else _plain(record.key),
        "event_source": event.source if event else _header(headers, "ce_source"),
        "event_id": event.id if event else _header(headers, "ce_id"),
        "event_type": event.type if event else _header(headers, "ce_type"),
        "document": version.document if version else None, "version": version.version if version else None,
        "headers": [[_plain(name), value.hex()] for name, value in record.headers],
        "value": record.value, "record_time_ms": record.timestamp_ms, "marked": event is not None,
    }  # fmt: skip


def _header(headers: dict[str, bytes], name: str) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("utf-8", "replace").replace("\x00", "")[:250]


def _reason(error: Exception) -> dict[str, Any]:
    if isinstance(error, Undigestible):
        return {"field": _plain(error.field), "shown": _plain(error.value), "reason": _plain(error.problem),
                "remedy": _plain(error.remedy), "stack": None}  # fmt: skip
    stack = "".join(traceback.format_exception(error))
    return {"field": None, "shown": None, "reason": _plain(f"{type(error).__name__}: {error}"),
            "remedy": CRASH_REMEDY, "stack": _plain(stack)}  # fmt: skip


def _plain(text: str) -> str:
    """Text that a column can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()


async def _insert(work: Work, row: dict[str, Any]) -> int:
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    number: int = await work.conn.fetchval(
        f"INSERT INTO dead_letter ({names}) VALUES ({places}) RETURNING id", *row.values()
    )
    return number
