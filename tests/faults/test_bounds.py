"""Nothing grows without bound: memory in a long replay, and the tables of what is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.system import HOLD, System, happens_in_database
from tests.faults.test_poison import letters, mangled
from tests.oracle.trade import invoice, order, request

from holdfast.testing.children import Child, running

pytestmark = pytest.mark.fault

BLOCK, WARM_UP, LONG = 3_000, 2, 5
MOST_GROWTH_MB = 16
"""The records of the long part alone would take five times as much if they were kept."""
AGED = """
UPDATE inbox SET received_at = received_at - interval '36 days';
UPDATE outbox SET created_at = created_at - interval '400 days', refused_at = refused_at - interval '400 days';
UPDATE idempotency_key SET created_at = created_at - interval '8 days';
UPDATE dead_letter SET parked_at = parked_at - interval '400 days', settled_at = settled_at - interval '400 days';
"""
REFUSED = """
WITH last AS (DELETE FROM outbox_unsent WHERE seq = (SELECT max(seq) FROM outbox_unsent) RETURNING seq)
UPDATE outbox SET refused_at = now(), refusal = 'too large' WHERE seq = (SELECT seq FROM last)
"""
SENT = """
SELECT count(*) FROM outbox o
WHERE refused_at IS NULL AND NOT EXISTS (SELECT FROM outbox_unsent u WHERE u.seq = o.seq)
"""
COUNTS = """
SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM outbox), (SELECT count(*) FROM idempotency_key),
       (SELECT count(*) FROM dead_letter)
"""


def memory_mb(child: Child) -> float:
    """What the process has in memory."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


async def test_memory_stays_flat_in_a_long_replay(system: System) -> None:
    """All is on the bus before the worker begins, so that it reads as fast as it can."""
    customers = [f"C-{n}" for n in range(50)]
    await system.set_up(customers)
    ends = []
    for version in range(1, WARM_UP + LONG + 1):
        facts = [order(customers[n % 50], f"SO-{n:06d}", "10", version=version) for n in range(BLOCK)]
        ends.append(await system.say(facts, to_oracle=False))
    async with system.worker() as worker:
        await system.passed([goal for goals in ends[:WARM_UP] for goal in goals])
        warm = memory_mb(worker)
        await system.passed([goal for goals in ends for goal in goals])
        assert memory_mb(worker) - warm < MOST_GROWTH_MB


async def test_old_rows_are_pruned_and_what_is_unfinished_stays(embedded: System) -> None:
    """The jobs role does it by itself. Unsent, refused and waiting rows are as old, and stay."""
    system = embedded
    await system.set_up(["C-1", "C-2"])
    async with system.worker() as worker, system.api() as api:
        bad = mangled(invoice("C-2", "INV-1", "1"), "bad", amount="much")
        goals = system.goals + await system.put([bad])
        await system.passed(goals + await system.say([invoice("C-2", "INV-2", "1"), request("C-1", "SO-1", "1")]))
        assert await worker.stop() == 0
        await api.check(request("C-1", "SO-2", "1"))
        await api.check(request("C-1", "SO-3", "1"))
    await system.pool.execute(REFUSED)
    await system.pool.execute(AGED)
    async with running("-m", "holdfast.cli", "run", HOLD, "jobs", env=system.environment()):
        await happens_in_database(system, "SELECT NOT EXISTS (SELECT FROM idempotency_key)")
        await happens_in_database(system, f"SELECT ({SENT}) = 0")
    inbox, outbox, _, waiting = await system.pool.fetchrow(COUNTS)
    assert (outbox, waiting) == (2, 2)
    assert inbox == len(await letters(system, "behind"))
    async with system.worker():
        await happens_in_database(system, f"SELECT ({SENT}) = 1")
