"""Fact boxes that are asked for at the same moment are made together, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from credit_service.exposure.model import View
from credit_service.exposure.reading import read_views
from credit_service.exposure.shown import shown_view
from credit_service.factbox import store
from credit_service.factbox.shown import shown_box
from holdfast.database.pool import to_json
from holdfast.database.work import transaction
from holdfast.receivables.model import Party
from holdfast.web.auth import Caller

AT_ONCE = 2
"""Batches under way: while one waits for the database the next is made ready."""
MOST_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Box:
    """What a box shows; what it shows of a credit group depends on who asks."""

    view: View
    beside: asyncpg.Record

    def body(self, caller: Caller | None) -> str:
        """As JSON; `caller` is needed for a member of a credit group."""
        return to_json({"exposure": shown_view(self.view, caller), **shown_box(self.view, self.beside)})


class Boxes:
    """Makes boxes for routes: whoever asks while all batches are under way waits for the next, with all others."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: dict[Party, asyncio.Future[Box]] = {}
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(self, party: Party) -> Box:
        """The box of a known customer, as of now or later."""
        box = self._waiting.setdefault(party, asyncio.get_running_loop().create_future())
        if self._under_way < AT_ONCE:
            self._under_way += 1
            run = asyncio.create_task(self._run())
            self._tasks.add(run)
            run.add_done_callback(self._tasks.discard)
        return await asyncio.shield(box)

    async def _run(self) -> None:
        try:
            await self._make_all()
        finally:
            self._under_way -= 1

    async def _make_all(self) -> None:
        while self._waiting:
            parties = list(self._waiting)[:MOST_TOGETHER]
            batch = {party: self._waiting.pop(party) for party in parties}
            try:
                made = await self._make(sorted(batch))
                for party, box in batch.items():
                    box.set_result(made[party])
            except Exception as error:
                for box in batch.values():
                    box.set_exception(error)
            finally:
                for box in batch.values():
                    box.cancel()

    async def _make(self, parties: Sequence[Party]) -> dict[Party, Box]:
        async with transaction(self._pool, isolation="repeatable_read") as work:
            states = await store.read_states(work, parties)
            views = dict(zip(parties, await read_views(work, parties), strict=True))
            days = [(*party, view.exposure.position.check_date) for party, view in views.items()]
            beside = await store.read_boxes(work, days)
        made = {party: Box(view, beside[party]) for party, view in views.items()}
        alone = [(*party, states[party], box.body(None)) for party, box in made.items() if box.view.group is None]
        if alone:
            await store.keep_boxes(self._pool, alone)
        return made
