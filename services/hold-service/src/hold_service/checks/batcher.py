"""Checks that wait at the same moment over HTTP are decided together, in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from hold_service.checks.decide import decide_many
from hold_service.groups.locks import lock_parties, try_lock_parties
from hold_service.parameters import PARAMETERS
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.work import Work, is_transient, transaction
from holdfast.receivables.model import Party
from holdfast.web import idempotency
from holdfast.web.idempotency import Answer, Request
from holdfast.web.problems import Problem

MOST_TOGETHER = 64
AT_ONCE = 2
"""Batches under way: while one waits for the database the next is made ready."""
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
        while True:
            if not self._waiting and not contended:
                self._arrived.clear()
                await self._arrived.wait()
            batch = contended + [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
            contended = await self._decide(batch, patient=bool(contended)) if batch else []

    async def _decide(self, batch: Sequence[Waiting], *, patient: bool, tries: int = TRIES) -> list[Waiting]:
        """Decide a batch; answers those whose customers somebody else holds. A failing batch is split."""
        try:
            async with transaction(self._pool) as work:
                ready, contended = await self._lock(work, batch, patient)
                answers = await self._answers(work, ready)
        except Exception as error:
            return await self._failed(batch, error, tries)
        for waiting, answer in answers:
            waiting.fail(answer) if isinstance(answer, Problem) else waiting.succeed(answer)
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

    async def _lock(self, work: Work, batch: Sequence[Waiting], patient: bool) -> tuple[list[Waiting], list[Waiting]]:
        """Lock the customers, in a statement of its own. Contended ones wait for the next batch, not for ever:
        a batch that carries some that waited already locks patiently."""
        parties = {waiting.party for waiting in batch}
        if patient:
            await lock_parties(work, parties)
            return list(batch), []
        got = await try_lock_parties(work, parties)
        return [w for w in batch if w.party in got], [w for w in batch if w.party not in got]

    async def _answers(self, work: Work, batch: Sequence[Waiting]) -> list[tuple[Waiting, Answer | Problem]]:
        if not batch:
            return []
        earlier = await idempotency.earlier_answers(work, _first_of_each([w.request for w in batch]))
        answers: dict[tuple[str, str], Answer | Problem] = {k: v for k, v in earlier.items() if v is not None}
        fresh = [w for w in _first(batch) if (w.request.caller, w.request.key) not in answers]
        if fresh:
            decided = await decide_many(work, [w.check for w in fresh], PARAMETERS.most_facts_age)
            made = [(w.request, Answer(200, document)) for w, document in zip(fresh, decided, strict=True)]
            await idempotency.store(work, made)
            answers |= {(request.caller, request.key): answer for request, answer in made}
        first = {(w.request.caller, w.request.key): w for w in _first(batch)}
        return [(w, _answer_for(w, first, answers)) for w in batch]


def _answer_for(
    waiting: Waiting, first: dict[tuple[str, str], Waiting], answers: dict[tuple[str, str], Answer | Problem]
) -> Answer | Problem:
    """The same key twice in one batch: the second is told that the first is running."""
    key = (waiting.request.caller, waiting.request.key)
    if first[key] is waiting or isinstance(answers[key], Problem):
        return answers[key]
    same = first[key].request.fingerprint == waiting.request.fingerprint
    return answers[key] if same else idempotency.reused(waiting.request)


def _first(batch: Sequence[Waiting]) -> list[Waiting]:
    return list({(w.request.caller, w.request.key): w for w in reversed(batch)}.values())[::-1]


def _first_of_each(requests: Sequence[Request]) -> list[Request]:
    return list({(r.caller, r.key): r for r in reversed(requests)}.values())[::-1]
