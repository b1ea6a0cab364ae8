"""What is done goes when it is old; what is unfinished stays, however old."""

from __future__ import annotations

from datetime import timedelta

import pytest
from shared.tests.bus_core.conftest import Journal, Partition
from shared.tests.bus_core.toy import SERVICE, mangled, order, request, sent

from holdfast.bus import dead_letters, pruning
from holdfast.bus.pruning import INBOX_DAYS, SENT_DAYS, SETTLED_DAYS, prune
from holdfast.platform.clock import utc_now


async def test_each_table_keeps_its_time(partition: Partition, journal: Journal) -> None:
    await partition.take(sent("1", request("A", "O-1")), sent("2", request("B", "O-2")))
    await journal.pool.execute(
        "DELETE FROM outbox_unsent u USING outbox o WHERE o.seq = u.seq AND o.aggregateid = 'DE01/A'"
    )
    assert await prune(journal.pool, utc_now() + timedelta(days=SENT_DAYS - 1)) == 0
    assert await prune(journal.pool, utc_now() + timedelta(days=SENT_DAYS + 1)) == 1
    assert await journal.value("SELECT array_agg(aggregateid) FROM outbox") == ["DE01/B"]
    assert await journal.value("SELECT count(*) FROM inbox") == 2
    assert await prune(journal.pool, utc_now() + timedelta(days=INBOX_DAYS + 1)) == 2
    assert await journal.value("SELECT count(*) FROM outbox") == 1


async def test_what_waits_keeps_its_mark_until_it_is_settled(partition: Partition, journal: Journal) -> None:
    """A mark that went while its event waits would let the event take effect a second time."""
    far = utc_now() + timedelta(days=SETTLED_DAYS * 2)
    behind = sent("2", order("A", "O-2"))
    await partition.take(mangled("1", order("A", "O-1"), total="much"), behind)
    assert await prune(journal.pool, far) == 0
    assert await journal.waiting() == [("poison", "1"), ("behind", "2")]
    number = await journal.value("SELECT min(id) FROM dead_letter")
    await dead_letters.drop(journal.pool, SERVICE, number, "test")
    await partition.take(behind)
    assert await journal.ids() == ["2"]
    await prune(journal.pool, far)
    assert await journal.value("SELECT count(*) FROM dead_letter") == 0
    assert await journal.value("SELECT count(*) FROM inbox") == 0


async def test_more_than_a_batch_goes_in_small_transactions(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 10)
    await journal.pool.execute("INSERT INTO inbox SELECT '/erp', n::text, 0, now() FROM generate_series(1, 95) AS n")
    assert await prune(journal.pool, utc_now() + timedelta(days=INBOX_DAYS + 1)) == 95
    assert await journal.value("SELECT count(*) FROM inbox") == 0
