"""Sending again: all of it in order, in batches; and what the bus has refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from shared.tests.bus_core.conftest import Journal
from shared.tests.bus_core.toy import NAME

from holdfast.bus import outbox
from holdfast.bus.outbox import refused, resend, resend_refused
from holdfast.bus.port import Outgoing, Position, RecordRefused
from holdfast.bus.relay import Relay
from holdfast.platform.clock import utc_now

FILL = """
INSERT INTO outbox (aggregatetype, aggregateid, type, payload, lane, sequence, created_at)
SELECT CASE WHEN n % 5 = 0 THEN 'credit.v1' ELSE 'holds.v1' END, 'DE01/' || n % 7, 't', '{}', n % 16, n,
       now() - n * interval '1 hour' FROM generate_series(1, 95) n
"""


class Bus:
    """A producer that keeps what it is sent, and refuses what it is told to."""

    def __init__(self, *refuses: str) -> None:
        self.refuses, self.sent = set(refuses), list[str]()

    async def send(self, records: list[Outgoing]) -> list[Position | RecordRefused]:
        answers: list[Position | RecordRefused] = []
        for record in records:
            number = dict(record.headers)["ce_sequence"].decode()
            if number in self.refuses:
                answers.append(RecordRefused("too large"))
            else:
                self.sent.append(number)
                answers.append(Position(record.topic, 0, 0))
        return answers


async def relayed(journal: Journal, bus: Any) -> list[str]:
    """What the relay publishes now."""
    while await Relay(NAME, "/toy", journal.pool, bus).drain():
        pass
    sent: list[str] = bus.sent
    return sent


async def test_all_is_sent_again_in_order_batch_by_batch(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_AT_ONCE", 10)
    await journal.pool.execute(FILL)
    assert await resend(journal.pool) == 95
    assert await relayed(journal, Bus()) == [str(n) for n in range(1, 96)]
    assert await resend(journal.pool, topic="credit.v1") == 19
    await relayed(journal, Bus())
    now = utc_now()
    assert await resend(journal.pool, since=now - timedelta(hours=10.5), until=now - timedelta(hours=4.5)) == 6


async def test_no_relay_sends_while_it_is_marked(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would publish newer events of a key before older ones that are not marked yet."""
    monkeypatch.setattr(outbox, "MOST_AT_ONCE", 10)
    await journal.pool.execute(FILL)
    plain, sent = outbox._unsend, []

    async def with_a_relay(*arguments: Any) -> int:
        marked = await plain(*arguments)
        sent.extend(await relayed(journal, Bus()))
        return marked

    monkeypatch.setattr(outbox, "_unsend", with_a_relay)
    assert await resend(journal.pool) == 95
    assert sent == []
    assert len(await relayed(journal, Bus())) == 95


async def test_what_the_bus_refused_is_listed_and_offered_again(journal: Journal) -> None:
    await journal.pool.execute(FILL)
    await resend(journal.pool)
    assert len(await relayed(journal, Bus("7", "9"))) == 93
    assert [(row["key"], row["refusal"]) for row in await refused(journal.pool)] == [
        ("DE01/0", "too large"), ("DE01/2", "too large"),
    ]  # fmt: skip
    assert await resend(journal.pool) == 93
    await relayed(journal, Bus())
    assert await resend_refused(journal.pool) == 2
    assert await relayed(journal, Bus()) == ["7", "9"]
    assert await refused(journal.pool) == []
