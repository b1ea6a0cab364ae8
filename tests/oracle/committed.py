"""The order in which transactions of hold-service were committed, and its replay by the plain answer.

Triggers of the test note what a transaction has done when it commits, while it still has its locks: of two that lock
the same customer or group, the one that committed first is noted first, whatever happens at the same time.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg
from tests.oracle.books import Party
from tests.oracle.comparing import as_decision
from tests.oracle.decisions import Oracle
from tests.oracle.values import Decision

from holdfast.contracts import REGISTRY
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.contracts.holds import OrderCleared, OrderHeld, OrderRejected, OrderReleased

WATCH = """
CREATE TABLE told (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    relation text NOT NULL,
    body jsonb NOT NULL
);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO told (relation, body)
    VALUES (TG_TABLE_NAME, CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON inbox DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell();
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell();
CREATE CONSTRAINT TRIGGER told AFTER DELETE ON recheck_due DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell();
"""
READ = """
SELECT place, relation, body, min(place) OVER (PARTITION BY xid) AS turn FROM told WHERE place > $1 ORDER BY turn, place
"""
RESERVATIONS = """
SELECT company, customer, order_no, currency, amount, order_version, status FROM reservation WHERE company = ANY($1)
"""
BALANCES = "SELECT company, customer, currency, balance FROM balance WHERE balance <> 0 AND company = ANY($1)"
HOLDS = """
SELECT h.company, h.customer, h.order_no, array_agg(r.reason ORDER BY r.reason) AS reasons FROM hold h
LEFT JOIN hold_reason r ON r.hold_id = h.id AND r.active
WHERE h.active AND h.company = ANY($1) GROUP BY h.id
"""
STATUSES = """
SELECT company, order_no, credit_status FROM sales_order WHERE credit_status <> 'unchecked' AND company = ANY($1)
"""


async def watch(pool: asyncpg.Pool) -> None:
    """From now on the order of commits is noted in this database."""
    await pool.execute(WATCH)


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that the ERP or another service has sent, and where it is on the bus."""

    payload: Any
    place: tuple[str, int, int]

    @property
    def decides(self) -> bool:
        """Whether it asks for a decision."""
        return isinstance(self.payload, CheckpointRequested)


@dataclass(slots=True)
class Turn:
    """What one transaction has done: the events it took, the customers it decided again, what it published."""

    events: list[str] = field(default_factory=list)
    rechecked: set[Party] = field(default_factory=set)
    published: list[tuple[str, Any, int]] = field(default_factory=list)

    def note(self, relation: str, body: Mapping[str, Any]) -> None:
        """One row."""
        if relation == "inbox":
            self.events.append(body["id"])
        elif relation == "outbox":
            payload = REGISTRY[body["type"]].model_validate_json(body["payload"])
            self.published.append((body["aggregateid"], payload, body["sequence"]))
        else:
            self.rechecked.add((body["company"], body["customer"]))

    def words(self, sent: Mapping[str, Sent]) -> str:
        """What it did, for whoever looks for a mistake."""
        events = [_words(sent[event].payload) for event in self.events]
        said = [f"{key} {as_decision(payload)}" for key, payload, _ in self.published]
        return f"took {events}; decided {sorted(self.rechecked)} again; said {said}"


def in_segments(sent: Iterable[Sent]) -> Iterator[list[Sent]]:
    """Events of one transaction: facts of a key come first, unless a request of the same key came before them."""
    segments: dict[int, list[Sent]] = defaultdict(list)
    at: dict[str, int] = defaultdict(int)
    asked: set[str] = set()
    for event in sorted(sent, key=lambda event: event.place):
        key = event.payload.partition_key()
        if key in asked and not event.decides:
            at[key] += 1
            asked.discard(key)
        if event.decides:
            asked.add(key)
        segments[at[key]].append(event)
    yield from (segments[number] for number in sorted(segments))


@dataclass
class Replay:
    """Gives the oracle what was committed, one transaction after another, and compares what it says."""

    pool: asyncpg.Pool
    oracle: Oracle
    companies: Collection[str]
    slack: Decimal = Decimal(0)
    """What the parts of an exposure may come to more when they are rounded together than one by one."""
    sent: dict[str, Sent] = field(default_factory=dict)
    asked: dict[tuple[str, str, str, str], CheckpointRequested] = field(default_factory=dict)
    turns: int = 0
    told: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    _last: int = 0
    _sequences: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def expect(self, request: CheckpointRequested) -> None:
        """Somebody asks, over HTTP or the bus."""
        self.asked[request.company, request.order, request.checkpoint.value, request.attempt] = request

    async def begin(self) -> None:
        """What was committed before is somebody else's."""
        self._last = await self.pool.fetchval("SELECT coalesce(max(place), 0) FROM told")

    async def catch_up(self) -> None:
        """Replay what has been committed since the last time."""
        rows = await self.pool.fetch(READ, self._last)
        turns: dict[int, Turn] = {}
        for row in rows:
            turns.setdefault(row["turn"], Turn()).note(row["relation"], row["body"])
        self._last = max((row["place"] for row in rows), default=self._last)
        for turn in turns.values():
            self.turns += 1
            self.told.append(f"{self.turns}: {turn.words(self.sent)}")
            with self._explained():
                self._take(turn)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What differs is told with the transactions before it."""
        try:
            yield
        except AssertionError as error:
            error.add_note("\n".join(self.told))
            raise

    def _take(self, turn: Turn) -> None:
        self.oracle.said.clear()
        waiting = list(turn.published)
        for segment in in_segments(self.sent[event] for event in turn.events):
            asked = {self._key(event.payload) for event in segment if event.decides}
            for event in segment:
                if not event.decides:
                    self.oracle.take(event.payload)
            mine = [p for _, p, _ in waiting if isinstance(p, OrderCleared | OrderHeld) and self._key(p) in asked]
            self._decide(mine)
            waiting = [row for row in waiting if not any(row[1] is payload for payload in mine)]
        self._decide([payload for _, payload, _ in waiting])
        self.oracle.recheck(turn.rechecked)
        self._compare(turn)
        for _, payload, _ in turn.published:
            if isinstance(payload, OrderReleased):
                self._has_room((payload.company, payload.customer), payload)

    def _decide(self, payloads: Sequence[Any]) -> None:
        """What was asked over HTTP or by these requests, in the order in which it was answered."""
        for payload in payloads:
            party = payload.company, payload.customer
            if isinstance(payload, OrderCleared | OrderHeld):
                self.oracle.check(self.asked[self._key(payload)])
                if isinstance(payload, OrderCleared):
                    self._has_room(party, payload)
            elif isinstance(payload, OrderReleased) and not payload.automatic:
                self.oracle.release(party, payload.order)
            elif isinstance(payload, OrderRejected):
                self.oracle.reject(party, payload.order)

    def _has_room(self, party: Party, payload: Any) -> None:
        """What has passed by the rules fits the limits, now that it has."""
        by_rule = payload.checked if isinstance(payload, OrderCleared) else payload.automatic
        if by_rule:
            rooms = list(self.oracle.rooms(party))
            fits = all(used <= limit + self.slack or used <= 0 for used, limit in rooms)
            assert fits, f"{payload.order} of {party}: used and limit {rooms}"

    @staticmethod
    def _key(payload: Any) -> tuple[str, str, str, str]:
        return payload.company, payload.order, payload.checkpoint.value, payload.attempt

    def _compare(self, turn: Turn) -> None:
        found = by_key((key, as_decision(payload)) for key, payload, _ in turn.published)
        wanted = by_key(self.oracle.said)
        assert found == wanted, f"transaction {self.turns}: found {found}, wanted {wanted}"
        for key, _, sequence in turn.published:
            self._sequences[key] += 1
            assert sequence == self._sequences[key], f"{key}: {sequence} is not {self._sequences[key]}"

    async def is_the_same(self) -> None:
        """Holds with their reasons, reservations, balances and what became of orders are the oracle's."""
        await self.catch_up()
        with self._explained():
            await self._is_the_same()

    async def _is_the_same(self) -> None:
        assert await self._holds() == {
            (*party, hold.order.order): hold.reasons for party, held in self.oracle.holds.items() for hold in held
        }
        assert await self._reservations() == {
            (*party, order): (r.currency, r.amount, r.order_version, r.status)
            for party, book in self.oracle.books.items()
            for order, r in book.promised().items()
        }
        assert await self._balances() == {
            (*party, code): amount
            for party, book in self.oracle.books.items()
            for code, amount in book.balances(*party).items()
            if amount
        }
        statuses = {(row[0], row[1]): row[2] for row in await self.pool.fetch(STATUSES, [*self.companies])}
        assert statuses == {key: status for book in self.oracle.books.values() for key, status in book.status.items()}

    def nothing_waits_for_nothing(self) -> None:
        """Once all is quiet, no order is held that would pass, and every request has its answer."""
        with self._explained():
            for party, held in self.oracle.holds.items():
                for hold in held:
                    found = self.oracle.examine(party, hold.order, hold.checkpoint)
                    assert found.reasons, f"{hold.order.order} of {party} would pass: {found}"
        unanswered = self.asked.keys() - self.oracle.answered
        assert not unanswered, f"nobody has answered {unanswered}"

    async def _holds(self) -> dict[tuple[str, str, str], tuple[str, ...]]:
        rows = await self.pool.fetch(HOLDS, [*self.companies])
        return _once(((r["company"], r["customer"], r["order_no"]), tuple(r["reasons"])) for r in rows)

    async def _reservations(self) -> dict[tuple[str, str, str], tuple[str, Decimal, int, str]]:
        rows = await self.pool.fetch(RESERVATIONS, [*self.companies])
        return _once(((r[0], r[1], r[2]), (r[3], r[4], r[5], r[6])) for r in rows)

    async def _balances(self) -> dict[tuple[str, str, str], Decimal]:
        rows = await self.pool.fetch(BALANCES, [*self.companies])
        return {(row[0], row[1], row[2]): row[3] for row in rows}


def by_key(said: Iterable[tuple[str, Decision]]) -> dict[str, list[Decision]]:
    """What was said of each customer, in its order."""
    found: dict[str, list[Decision]] = {}
    for key, decision in said:
        found.setdefault(key, []).append(decision)
    return found


def _words(payload: Any) -> str:
    names = ("company", "customer", "group", "order", "order_version", "document", "version", "amount", "total",
             "credit_limit", "members", "applications")  # fmt: skip
    known = {name: getattr(payload, name) for name in names if hasattr(payload, name)}
    return " ".join([payload.event_type, *(f"{name}={value}" for name, value in known.items())])


def _once(rows: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """By key; a key is there once."""
    found: dict[Any, Any] = {}
    for key, value in rows:
        assert key not in found, f"{key} is there twice"
        found[key] = value
    return found


__all__ = ["Decision", "Replay", "Sent", "watch"]
