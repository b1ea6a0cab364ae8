"""Checks that wait at the same moment over HTTP are decided together, in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from hold_service.checks.decide import decide_many
from hold_service.checks.entry import enter
from hold_service.parameters import PARAMETERS
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.work import Work, is_transient, transaction
from holdfast.receivables.model import Party
from holdfast.web import idempotency
from holdfast.web.idempotency import Answer, Name, Request
from holdfast.web.problems import Problem

MOST_TOGETHER = 64
AT_ONCE = 2
"""Batches under way: while one waits for the database the next is made ready."""
LINGER_SECONDS = 0.001
TRIES = 5


@dataclass(slots=True, eq=False)
class Waiting:
    """A request that waits for its answer."""

    request: Request
    check: CheckpointRequested
    done: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def party(self) -> Party:
        """The customer whose lock it needs."""
        return self.check.company, self.check.customer

    def fail(self, error: BaseException) -> None:
        """Answer with an error, unless the caller has gone."""
        if not self.done.done():
            self.done.set_exception(error)

    def succeed(self, answer: Answer) -> None:
        """Answer, unless the caller has gone."""
        if not self.done.done():
            self.done.set_result(answer)


class Batcher:
    """Takes requests from routes and decides them together."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to decide."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """Finish what is under way."""
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks)
        for waiting in self._waiting:
            waiting.fail(asyncio.CancelledError())

    async def submit(self, request: Request, check: CheckpointRequested) -> Answer:
        """The answer of a check. Raises Problem."""
        waiting = Waiting(request, check)
        self._waiting.append(waiting)
        self._arrived.set()
        return await waiting.done

    async def _run(self) -> None:
        contended: list[Waiting] = []
        batch: list[Waiting] = []
        while True:
            if not contended:
                await self._gather(len(batch))
            batch = contended + [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
            contended = await self._decide(batch, patient=bool(contended)) if batch else []

    async def _gather(self, answered: int) -> None:
        """Wait for a request; then a moment for half of the callers who were just answered together, since they come
        back one by one and a batch costs nearly the same whatever its size."""
        until = None
        while len(self._waiting) < max(1, answered // 2):
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(until if self._waiting else None):
                    await self._arrived.wait()
            except TimeoutError:
                return
            until = until or asyncio.get_running_loop().time() + LINGER_SECONDS

    async def _decide(self, batch: Sequence[Waiting], *, patient: bool, tries: int = TRIES) -> list[Waiting]:
        """Decide a batch; returns those whose customers somebody else holds, which wait for the next batch and not for
        ever: a batch that carries some that waited already locks patiently. A failing batch is split."""
        try:
            async with transaction(self._pool, clock=False) as work:
                first = _first(batch)
                requests = [waiting.request for waiting in first]
                entered = await enter(work, requests, {w.party for w in batch}, patient=patient)
                answers = await idempotency.answers_of(work, requests, entered.keys)
                ready = [w for w in first if w.party in entered.locked]
                answers |= await self._make(work, [w for w in ready if answers[w.request.name] is None])
        except Exception as error:
            return await self._failed(batch, error, tries)
        contended = [waiting for waiting in batch if answers[waiting.request.name] is None]
        _tell(batch, {waiting.request.name: waiting for waiting in first}, answers)
        return contended

    async def _failed(self, batch: Sequence[Waiting], error: Exception, tries: int) -> list[Waiting]:
        if is_transient(error) and tries > 1:
            return await self._decide(batch, patient=True, tries=tries - 1)
        if len(batch) == 1:
            batch[0].fail(error)
            return []
        middle = len(batch) // 2
        left = await self._decide(batch[:middle], patient=True, tries=1)
        return left + await self._decide(batch[middle:], patient=True, tries=1)

    async def _make(self, work: Work, fresh: Sequence[Waiting]) -> dict[tuple[str, str], Answer]:
        """Decide requests of locked customers that have no answer yet, and keep the answers."""
        if not fresh:
            return {}
        keys = [waiting.request for waiting in fresh]
        answers = await decide_many(work, [w.check for w in fresh], PARAMETERS.most_facts_age, keys)
        return {key.name: Answer(200, answer) for key, answer in zip(keys, answers, strict=True)}


def _first(batch: Sequence[Waiting]) -> list[Waiting]:
    """The first request of each idempotency key."""
    return list({waiting.request.name: waiting for waiting in reversed(batch)}.values())[::-1]


def _tell(
    batch: Sequence[Waiting], first: Mapping[Name, Waiting], answers: Mapping[Name, Answer | Problem | None]
) -> None:
    """Answer each request; the same key twice in a batch has one answer, unless the bodies differ."""
    for waiting in batch:
        answer = answers[waiting.request.name]
        if first[waiting.request.name].request.fingerprint != waiting.request.fingerprint:
            answer = answer and idempotency.reused(waiting.request)
        if isinstance(answer, Problem):
            waiting.fail(answer)
        elif answer:
            waiting.succeed(answer)
