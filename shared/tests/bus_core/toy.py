"""A toy service with real tables: order facts, a decision that counts them, and a journal of every effect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from holdfast.bus import outbox, parking
from holdfast.bus.envelope import Incoming, encode
from holdfast.bus.handlers import HandlerTable, MoreParties, Party, Service
from holdfast.bus.port import Outgoing, Record
from holdfast.contracts import REGISTRY
from holdfast.contracts.erp_orders import CheckpointRequested, OrderCancelled, OrderChanged
from holdfast.contracts.erp_receivables import SettlementPosted
from holdfast.contracts.holds import OrderCleared
from holdfast.contracts.topics import ERP_ORDERS, ERP_RECEIVABLES, HOLDS, Topic, dead_letters_of
from holdfast.database.work import Work

COMPANY = "DE01"
NAME = "toy-service"
HANDLERS = HandlerTable()
TOPICS: tuple[Topic, ...] = (ERP_ORDERS, ERP_RECEIVABLES, HOLDS, dead_letters_of(NAME))
TABLES = """
CREATE TABLE toy_account (company text, customer text, total numeric NOT NULL DEFAULT 0,
                          PRIMARY KEY (company, customer));
CREATE TABLE toy_order (company text, customer text, order_no text, version int NOT NULL, total numeric NOT NULL,
                        PRIMARY KEY (company, order_no));
CREATE TABLE toy_journal (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text, key text, event_id text,
                          order_no text, known int, parked boolean NOT NULL DEFAULT false);
CREATE TABLE toy_mended (id int);
"""


async def lock(work: Work, parties: set[Party]) -> None:
    """Lock account rows in sorted order, making those that are missing."""
    columns = [[company for company, _ in sorted(parties)], [customer for _, customer in sorted(parties)]]
    await work.conn.execute(
        """INSERT INTO toy_account (company, customer) SELECT * FROM unnest($1::text[], $2::text[])
           ON CONFLICT DO NOTHING""",
        *columns,
    )
    await work.conn.execute(
        """SELECT FROM toy_account JOIN unnest($1::text[], $2::text[]) AS wanted (company, customer)
           USING (company, customer) ORDER BY company, customer FOR UPDATE OF toy_account""",
        *columns,
    )
    work.notes["locked"] = work.notes.get("locked", set()) | parties


LOCK_FREE = """
SELECT company, customer FROM toy_account JOIN unnest($1::text[], $2::text[]) AS wanted (company, customer)
USING (company, customer) ORDER BY company, customer FOR UPDATE OF toy_account SKIP LOCKED
"""


async def try_lock(work: Work, parties: set[Party], locked: set[Party]) -> set[Party]:
    """As `lock`, but passes over account rows that somebody else holds; `locked` are ours by `LOCK_FREE`."""
    rest = sorted(parties - locked)
    columns = [[company for company, _ in rest], [customer for _, customer in rest]]
    await work.conn.execute(
        """INSERT INTO toy_account (company, customer) SELECT * FROM unnest($1::text[], $2::text[])
           ON CONFLICT DO NOTHING""",
        *columns,
    )
    found = locked | {(row["company"], row["customer"]) for row in await work.conn.fetch(LOCK_FREE, *columns)}
    work.notes["locked"] = work.notes.get("locked", set()) | found
    return found


async def refresh(work: Work, parties: set[Party]) -> None:
    """Recompute the totals of customers."""
    await work.conn.execute(
        """UPDATE toy_account AS a SET total = (SELECT coalesce(sum(total), 0) FROM toy_order AS o
               WHERE o.company = a.company AND o.customer = a.customer)
           FROM unnest($1::text[], $2::text[]) AS touched (company, customer)
           WHERE a.company = touched.company AND a.customer = touched.customer""",
        [company for company, _ in parties],
        [customer for _, customer in parties],
    )


async def note(work: Work, what: str, key: str, event_id: str = "", order: str = "", known: int = 0) -> None:
    """Write to the journal."""
    waiting = await parking.parked(work, [(key.split("/")[0], key.split("/")[1])]) if "/" in key else set()
    await work.conn.execute(
        "INSERT INTO toy_journal (what, key, event_id, order_no, known, parked) VALUES ($1, $2, $3, $4, $5, $6)",
        what, key, event_id, order, known, bool(waiting),
    )  # fmt: skip


@HANDLERS.on(OrderChanged)
async def orders_changed(work: Work, events: Sequence[Incoming[OrderChanged]]) -> None:
    """Keep the newest version. An order named BAD-… crashes until `toy_mended` has a row."""
    for event in events:
        payload = event.payload
        await crash_on(work, payload.order)
        await ask_for_partner(work, payload.order)
        await work.conn.execute(
            """INSERT INTO toy_order VALUES ($1, $2, $3, $4, $5) ON CONFLICT (company, order_no) DO UPDATE
               SET version = EXCLUDED.version, total = EXCLUDED.total WHERE toy_order.version < EXCLUDED.version""",
            payload.company, payload.customer, payload.order, payload.version, payload.total,
        )  # fmt: skip
        await note(work, "fact", event.key, event.id, payload.order)


async def crash_on(work: Work, order: str) -> None:
    """The bug of the toy service."""
    if order.startswith("BAD") and not await work.conn.fetchval("SELECT count(*) FROM toy_mended"):
        raise ValueError(f"cannot handle {order}")


async def ask_for_partner(work: Work, order: str) -> None:
    """An order named PAIR-X touches customer X too, which only its handler finds out."""
    if order.startswith("PAIR-") and (partner := (COMPANY, order.split("-")[1])) not in work.notes["locked"]:
        raise MoreParties({partner})


@HANDLERS.on(OrderCancelled)
async def orders_cancelled(work: Work, events: Sequence[Incoming[OrderCancelled]]) -> None:
    """A second type of fact."""
    for event in events:
        await note(work, "cancelled", event.key, event.id, event.payload.order)


@HANDLERS.on(SettlementPosted)
async def settlements_posted(work: Work, events: Sequence[Incoming[SettlementPosted]]) -> None:
    """A fact that may touch two customers."""
    for event in events:
        await note(work, "settled", event.key, event.id)


@HANDLERS.on(CheckpointRequested, decides=True)
async def checkpoints_requested(work: Work, events: Sequence[Incoming[CheckpointRequested]]) -> None:
    """Say how many orders of the customer are known."""
    answers = []
    for event in events:
        payload = event.payload
        known = await work.conn.fetchval(
            "SELECT count(*) FROM toy_order WHERE company = $1 AND customer = $2", payload.company, payload.customer
        )
        await note(work, "decided", event.key, event.id, payload.order, known)
        answers.append(cleared(payload.customer, payload.order, event.id))
    await outbox.emit(work, answers)


async def on_parked(work: Work, parties: set[Party]) -> None:
    """Told of customers whose events begin to wait."""
    for company, customer in sorted(parties):
        await note(work, "parked", f"{company}/{customer}")


async def on_freed(work: Work, parties: set[Party]) -> None:
    """Told of customers whose events wait no longer."""
    for company, customer in sorted(parties):
        await note(work, "freed", f"{company}/{customer}")


SERVICE = Service(NAME, HANDLERS, lock, LOCK_FREE, try_lock, refresh, HOLDS, on_parked, on_freed)


def payload(event_type: str, **changes: Any) -> Any:
    """The catalogue's example of an event type with changes."""
    cls = REGISTRY[event_type]
    return cls.model_validate_json(orjson.dumps({**cls.example, **changes}))


def cleared(customer: str, order: str, decision: str) -> OrderCleared:
    """An event that the toy service publishes."""
    answer: OrderCleared = payload("hold.order.cleared.v1", customer=customer, order=order, decision=decision)
    return answer


def order(customer: str, number: str, version: int = 1, total: str = "100.00") -> OrderChanged:
    """The state of an order."""
    state: OrderChanged = payload(
        "erp.order.changed.v1", customer=customer, order=number, version=version, total=total, lines=[]
    )
    return state


def request(customer: str, number: str) -> CheckpointRequested:
    """A checkpoint request."""
    asked: CheckpointRequested = payload(
        "erp.order.checkpoint-requested.v1", customer=customer, order=number, attempt=number
    )
    return asked


def sent(event_id: str, content: Any, source: str = "/erp") -> Outgoing:
    """An event as an ERP sends it."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return encode(id=event_id, source=source, type=content.event_type, time=at, payload=content)


def mangled(event_id: str, content: Any, **changes: Any) -> Outgoing:
    """An event whose body has been damaged."""
    good = sent(event_id, content)
    body = orjson.dumps({**orjson.loads(good.value or b""), **changes})
    return Outgoing(good.topic, good.key, body, good.headers)


def record(offset: int, out: Outgoing, partition: int = 0) -> Record:
    """A record as it is read from the bus."""
    return Record(out.topic, partition, offset, out.key, out.headers, out.value, 1_772_409_600_000)
