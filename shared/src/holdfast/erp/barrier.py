"""Waits until every consumer has passed what was sent, and all that follows from it is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from holdfast.bus.port import Admin, Position, TopicPartition
from holdfast.contracts.topics import CREDIT, HOLDS, TOPIC_BY_NAME

SHORTEST, LONGEST = 0.004, 0.02
"""Seconds between two looks: each costs the services a little of the time they are waited for."""
PATIENCE_SECONDS = 120.0
"""Longer than a killed worker's partitions take to find a new owner, on either transport."""
OWN_TOPICS = (CREDIT.name, HOLDS.name)

STATE = """
SELECT (SELECT count(*) FROM outbox_unsent) AS unsent,
       (SELECT count(*) FROM unnest($1::text[], $2::int[], $3::bigint[]) AS goal (topic, part, next)
         LEFT JOIN consumer_offset o ON o.topic = goal.topic AND o.partition = goal.part
         WHERE coalesce(o.next_offset, 0) < goal.next) AS behind,
       {due} AS due
"""
DUE = "(SELECT count(*) FROM recheck_due, business_clock WHERE due_at <= simulated_at)"
WAITING = "SELECT count(*) FROM recheck_due"
HAS_RECHECKS = "SELECT to_regclass('recheck_due') IS NOT NULL"
STOPPED = "SELECT topic || ' ' || partition || ': ' || stopped FROM consumer_offset WHERE stopped IS NOT NULL"

Goals = dict[TopicPartition, int]


class Stalled(Exception):
    """The services did not come to an end with what was sent; the text says where to look."""


class Barrier:
    """Watches the databases of all services and the ends of the topics that they write themselves."""

    def __init__(self, pools: Mapping[str, asyncpg.Pool], admin: Admin) -> None:
        self._pools = pools
        self._admin = admin
        self._state: dict[str, str] = {}
        self._checked_again: list[str] = []

    async def prepare(self) -> None:
        """Find out which service checks again what it held."""
        for service, pool in self._pools.items():
            has_rechecks = await pool.fetchval(HAS_RECHECKS)
            self._state[service] = STATE.format(due=DUE if has_rechecks else "0::bigint")
            if has_rechecks:
                self._checked_again.append(service)

    async def passed(self, sent: Iterable[Position] = ()) -> None:
        """Wait until `sent` and everything that follows from it is done. Raises Stalled."""
        goals = _goals(sent)
        while True:
            await self._reach(goals)
            ends = await self._admin.end_offsets(OWN_TOPICS)
            if all(goals.get(tp, 0) >= end for tp, end in ends.items()):
                return
            goals = {**goals, **ends}

    async def rechecks_waiting(self) -> bool:
        """Whether held orders are to be checked again, now or when their time comes."""
        counts = [await self._pools[service].fetchval(WAITING) for service in self._checked_again]
        return any(counts)

    async def _reach(self, goals: Goals) -> None:
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, SHORTEST
        open_ends = set(self._pools)
        while open_ends:
            busy = await asyncio.gather(*(self._is_busy(service, goals) for service in open_ends))
            open_ends = {service for service, is_busy in zip(open_ends, busy, strict=True) if is_busy}
            if open_ends and time.monotonic() > deadline:
                raise Stalled(await self._why(open_ends))
            if open_ends:
                await asyncio.sleep(pause)
                pause = min(pause * 1.3, LONGEST)

    async def _is_busy(self, service: str, goals: Goals) -> bool:
        mine = {tp: n for tp, n in goals.items() if service in TOPIC_BY_NAME[tp.topic].readers}
        topics, parts = [tp.topic for tp in mine], [tp.partition for tp in mine]
        state = await self._pools[service].fetchrow(self._state[service], topics, parts, [*mine.values()])
        assert state is not None
        return bool(state["unsent"] or state["behind"] or state["due"])

    async def _why(self, services: Iterable[str]) -> str:
        names = sorted(services)
        stopped = [row[0] for service in names for row in await self._pools[service].fetch(STOPPED)]
        where = "; ".join(stopped) or "no partition is marked as stopped, so see the log"
        return f"{' and '.join(names)} did not finish within {PATIENCE_SECONDS:.0f} s: {where}."


def _goals(sent: Iterable[Position]) -> Goals:
    goals: Goals = {}
    for position in sent:
        tp = TopicPartition(position.topic, position.partition)
        goals[tp] = max(goals.get(tp, 0), position.offset + 1)
    return goals


__all__: Sequence[str] = ["Barrier", "Stalled"]
