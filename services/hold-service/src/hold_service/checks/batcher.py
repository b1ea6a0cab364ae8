"""Checks that wait at the same moment over HTTP are decided together, in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import asyncpg
import structlog

from hold_service.checks.decide import answer_many
from hold_service.checks.entry import Entered, enter
from hold_service.parameters import PARAMETERS
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.work import Chain, Work, is_transient, transaction
from holdfast.receivables.model import Party
from holdfast.web import idempotency
from holdfast.web.idempotency import Answer, Name, Request
from holdfast.web.problems import Problem

MOST_TOGETHER = 64
AT_ONCE = 2
"""Batches under way: while one waits for the database the next is made ready."""
LINGER_SECONDS = 0.001
WAITED_FOR_AT_ONCE = 4
"""Contended customers that are waited for at the same time: each takes a connection until its lock is free."""
TRIES = 5
FIRST_PAUSE = 0.01
"""Seconds before the second try; each further pause is twice as long."""
Begin = Callable[[], contextlib.AbstractAsyncContextManager[Work]]
"""Opens a unit of work."""
log = structlog.get_logger(__name__)


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
    """Takes requests from routes and decides them together.

    A customer is in one batch at a time: what comes for it meanwhile waits here, for the next. Customers that somebody
    else holds are passed over and waited for apart, each on its own, so that they stall nobody else (notes, 4.5,
    row 11).
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._under_way: dict[Party, list[Waiting]] = {}
        """Customers of the batches under way, each with what has come for it meanwhile"""
        self._contended: dict[Party, list[Waiting]] = {}
        self._passed_over = asyncio.Event()
        self._expected, self._until = 0, 0.0
        """How many callers were answered just now and may come back, and until when that is waited for"""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to decide."""
        runs = [self._run() for _ in range(AT_ONCE)] + [self._run_patiently() for _ in range(WAITED_FOR_AT_ONCE)]
        self._tasks = [asyncio.create_task(run) for run in runs]

    async def stop(self) -> None:
        """Finish what is under way."""
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks)
        for waiting in chain(self._waiting, *self._under_way.values(), *self._contended.values()):
            waiting.fail(asyncio.CancelledError())

    async def submit(self, request: Request, check: CheckpointRequested) -> Answer:
        """The answer of a check. Raises Problem."""
        waiting = Waiting(request, check)
        self._expected = max(0, self._expected - 1)
        self._admit(waiting)
        return await waiting.done

    def _admit(self, waiting: Waiting) -> None:
        if waiting.party in self._under_way:
            self._under_way[waiting.party].append(waiting)
        elif waiting.party in self._contended:
            self._contended[waiting.party].append(waiting)
        else:
            self._waiting.append(waiting)
            self._arrived.set()

    async def _run(self) -> None:
        chain = Chain(self._pool)
        try:
            while True:
                await self._gather()
                batch = self._take()
                await self._answer(batch, chain.transaction, patient=False)
                self._expect(len(batch))
        finally:
            await chain.close()

    async def _gather(self) -> None:
        """Wait for a request; then a moment for the callers who were just answered together, since they come back one
        by one and a batch costs nearly the same whatever its size."""
        while not self._waiting or self._lingers():
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._until if self._waiting else None):
                    await self._arrived.wait()

    def _lingers(self) -> bool:
        may_grow = self._expected > 0 and len(self._waiting) < MOST_TOGETHER
        return may_grow and asyncio.get_running_loop().time() < self._until

    def _expect(self, answered: int) -> None:
        now = asyncio.get_running_loop().time()
        self._expected = answered + (self._expected if now < self._until else 0)
        self._until = now + LINGER_SECONDS

    def _take(self) -> list[Waiting]:
        """The next batch; its customers are under way from now on."""
        batch = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
        self._begin({waiting.party for waiting in batch})
        return batch

    def _begin(self, parties: set[Party]) -> None:
        self._under_way.update((party, []) for party in parties)
        left = [waiting for waiting in self._waiting if waiting.party in parties]
        if left:
            self._waiting = deque(waiting for waiting in self._waiting if waiting.party not in parties)
            for waiting in left:
                self._admit(waiting)

    def _end(self, parties: set[Party]) -> None:
        for waiting in chain.from_iterable([self._under_way.pop(party) for party in parties]):
            self._admit(waiting)

    async def _run_patiently(self) -> None:
        begin = partial(transaction, self._pool, clock=False)
        while True:
            party = await self._next_contended()
            found = self._contended.pop(party)
            self._under_way[party] = found[MOST_TOGETHER:]
            await self._answer(found[:MOST_TOGETHER], begin, patient=True)

    async def _answer(self, batch: Sequence[Waiting], begin: Begin, *, patient: bool) -> None:
        """After this each of the batch is answered or waits for its customer, whatever goes wrong; what has come for
        its customers meanwhile is next."""
        try:
            for waiting in await self._decide(batch, begin, patient=patient) if batch else ():
                self._contended.setdefault(waiting.party, []).append(waiting)
                self._passed_over.set()
        except BaseException as error:
            for waiting in batch:
                waiting.fail(error)
            if not isinstance(error, Exception):
                raise
            log.exception("batch_failed", checks=len(batch))
        finally:
            self._end({waiting.party for waiting in batch})

    async def _next_contended(self) -> Party:
        """The customer that has been passed over for the longest."""
        while not self._contended:
            self._passed_over.clear()
            await self._passed_over.wait()
        return next(iter(self._contended))

    async def _decide(
        self, batch: Sequence[Waiting], begin: Begin, *, patient: bool, tries: int = TRIES
    ) -> list[Waiting]:
        """Decide a batch; returns those whose customers somebody else holds. A failing batch is split."""
        try:
            async with begin() as work:
                first = _first(batch)
                requests = [waiting.request for waiting in first]
                entered = await enter(work, requests, {w.party for w in batch}, patient=patient)
                answers = await _answers(work, first, entered)
        except Exception as error:
            return await self._failed(batch, begin, error, patient, tries)
        contended = [waiting for waiting in batch if waiting.request.name not in answers]
        _tell(batch, {waiting.request.name: waiting for waiting in first}, answers)
        return contended

    async def _failed(
        self, batch: Sequence[Waiting], begin: Begin, error: Exception, patient: bool, tries: int
    ) -> list[Waiting]:
        """What may pass is tried again, and then is everybody's error; what does not pass is one request's."""
        passes = is_transient(error)
        if passes and tries > 1:
            await asyncio.sleep(FIRST_PAUSE * 2 ** (TRIES - tries))
            return await self._decide(batch, begin, patient=patient, tries=tries - 1)
        if passes or len(batch) == 1:
            for waiting in batch:
                waiting.fail(error)
            return []
        middle = len(batch) // 2
        left = await self._decide(batch[:middle], begin, patient=patient, tries=tries)
        return left + await self._decide(batch[middle:], begin, patient=patient, tries=tries)


async def _answers(work: Work, first: Sequence[Waiting], entered: Entered) -> dict[Name, Answer | Problem]:
    """What those get whose customers are locked."""
    places = [place for place, waiting in enumerate(first, 1) if waiting.party in entered.locked]
    if not places:
        return {}
    taken, ready = set(entered.keys), [first[place - 1] for place in places]
    ours = [n for n, place in enumerate(places, 1) if place in taken]
    return await answer_many(work, [(w.request, w.check) for w in ready], ours, PARAMETERS.most_facts_age)


def _first(batch: Sequence[Waiting]) -> list[Waiting]:
    """The first request of each idempotency key."""
    return list({waiting.request.name: waiting for waiting in reversed(batch)}.values())[::-1]


def _tell(batch: Sequence[Waiting], first: Mapping[Name, Waiting], answers: Mapping[Name, Answer | Problem]) -> None:
    """Answer each request; the same key twice in a batch has one answer, unless the bodies differ."""
    for waiting in batch:
        answer = answers.get(waiting.request.name)
        if first[waiting.request.name].request.fingerprint != waiting.request.fingerprint:
            answer = answer and idempotency.reused(waiting.request)
        if isinstance(answer, Problem):
            waiting.fail(answer)
        elif answer:
            waiting.succeed(answer)
