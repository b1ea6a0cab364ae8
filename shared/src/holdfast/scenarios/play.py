"""One scenario being played: who calls, what was sent, what time it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import orjson

from holdfast.bus.port import Position, RecordRefused
from holdfast.contracts.base import Payload
from holdfast.database.work import set_business_clock
from holdfast.erp.happenings import Happening
from holdfast.scenarios.calls import Client, Reply
from holdfast.scenarios.events import payload_of
from holdfast.scenarios.facts import Body, UserFact
from holdfast.scenarios.marked import Where
from holdfast.scenarios.namespace import Namespace
from holdfast.scenarios.setting import companies_of, is_made, setting_of
from holdfast.scenarios.stack import Running
from holdfast.scenarios.steps import Scenario

EVERYBODY = UserFact()
SOURCE = "/erp/scenario"
SEVERAL = ""
Ask = Callable[..., Awaitable[Reply]]
"""Sends a request as somebody: service, method, path, body and the ETag that was read."""
PUBLISHED = "SELECT seq, type, payload FROM outbox WHERE seq > $1 AND strpos(payload, $2) > 0 ORDER BY seq"
LAST = "SELECT coalesce(max(seq), 0) FROM outbox"
PAUSE = "UPDATE job SET due_at = 'infinity' WHERE NOT name = ANY ($1::text[])"
GOES_ON = ["what-if", "task-runs"]
"""Jobs that do what a command has asked for; all others run when a step says so."""


class Refused(Exception):
    """Something that must work for the scenario to go on was refused."""


@dataclass(frozen=True, slots=True)
class Published:
    """An event that a service has published, as the file knows it."""

    kind: str
    fields: Body


@dataclass(slots=True)
class Done:
    """What came of a step: the answer of a command, and what came of those at the same time."""

    reply: Reply | None = None
    together: list[Done] = field(default_factory=list)
    order: str | None = None
    customer: str | None = None
    company: str | None = None


class Play:
    """Calls, sends and waits under the names of one scenario."""

    def __init__(self, stage: Running, number: int, scenario: Scenario) -> None:
        self.stage, self.names, self.setting = stage, Namespace(number), setting_of(scenario)
        self.companies, self.first_day = companies_of(scenario), self.setting.today
        self._scenario, self._users = scenario, scenario.users
        self._clients: dict[tuple[str, str], Client] = {}
        self._last: dict[str, int] = {}
        self.made: dict[str, str] = {}
        self.where: Where = ()
        """The way in the file to what is being done"""

    def keep(self, kind: str, name: str | None, sort: str, number: str) -> None:
        """A rule or policy can be named from now on: by its name, or by its kind while there is one of that kind."""
        self.made[f"{kind}:{sort}"] = SEVERAL if f"{kind}:{sort}" in self.made else number
        if name is not None:
            self.made[f"{kind}:{name}"] = number

    def is_made(self, name: str) -> bool:
        """Whether a name in braces is of something that steps make or keep."""
        return is_made(self._scenario, name)

    def number_of(self, name: str) -> str:
        """What the services call something that a step has made. Raises Refused."""
        number = self.made.get(name)
        if number is None:
            raise Refused(f"nothing before this step has made {{{name}}}")
        if number == SEVERAL:
            raise Refused(f"there are several of {{{name}}}: give each a name, and use that")
        return number

    # time

    async def at(self, moment: datetime) -> None:
        """Set the clock of all services."""
        self.setting.now = moment
        await asyncio.gather(*(_set(pool, moment) for pool in self.stage.pools.values()))

    async def pause_jobs(self) -> None:
        """Periodic jobs wait for a step that runs them: what happens depends on the file alone."""
        await asyncio.gather(*(pool.execute(PAUSE, GOES_ON) for pool in self.stage.pools.values()))

    async def settle(self, sent: Sequence[Position] = ()) -> None:
        """Wait until everything that follows is done."""
        await self.stage.barrier.passed(sent)

    # the ERP

    async def say(self, kind: str, body: dict[str, Any], times: int = 1) -> Payload:
        """Send an event and wait for what follows from it; the event as it was sent. Raises BadEvent."""
        happening = self.happening(kind, body)
        await self.tell([happening], times)
        return happening.payload

    def happening(self, kind: str, body: dict[str, Any]) -> Happening:
        """An event with what the file leaves out. Raises BadEvent."""
        payload = payload_of(kind, body, self.setting)
        fields = self.names.into(orjson.loads(payload.model_dump_json(exclude_none=True)))
        mapped: Payload = type(payload).model_validate_json(orjson.dumps(fields))
        return Happening(str(uuid4()), SOURCE, self.setting.now, mapped)

    async def tell(self, happenings: Sequence[Happening], times: int = 1) -> None:
        """Send events and wait for what follows from them."""
        await self.settle(await self._send(happenings, times))

    async def _send(self, happenings: Sequence[Happening], times: int) -> list[Position]:
        if not happenings:
            return []
        positions = []
        records = [happening.record() for happening in happenings]
        for answer in await self.stage.producer.send(records * times):
            if isinstance(answer, RecordRefused):
                raise Refused(f"the bus refused an event: {answer}")
            positions.append(answer)
        return positions

    # callers

    def client(self, service: str, user: str | None) -> Client:
        """The API of a service as somebody sees it."""
        name = user or "scenario"
        if (service, name) not in self._clients:
            fact = self._users.get(name, EVERYBODY)
            companies = [self.names.name(company) for company in fact.companies]
            self._clients[service, name] = self.stage.client(service, name, fact.granted, companies)
        return self._clients[service, name]

    async def get(self, service: str, path: str, user: str | None = None) -> Reply:
        """GET under the scenario's names."""
        reply = await self.client(service, user).get(path)
        return Reply(reply.status, self.names.out(reply.body), reply.etag)

    async def send(
        self, service: str, method: str, path: str, body: Any, *, user: str | None = None, etag: str | None = None,
        key: str | None = None,
    ) -> Reply:  # fmt: skip
        """An unsafe request under the scenario's names."""
        reply = await self.client(service, user).send(method, path, self.names.into(body), etag=etag, key=key)
        return Reply(reply.status, self.names.out(reply.body), reply.etag)

    def must(self, reply: Reply, what: str, where: Where | None = None) -> Reply:
        """The answer when it is no refusal. Raises Refused, which leads to a fact when one is named."""
        if not reply.ok:
            detail = reply.body.get("detail") if isinstance(reply.body, dict) else reply.body
            self.where = where or self.where
            raise Refused(f"{what} was refused with {reply.status}: {detail}")
        return reply

    def is_own(self, company: str | None) -> bool:
        """Whether a row of a list is of a company of this scenario, or of none."""
        return company is None or company in self.companies

    def path_of(self, company: str | None) -> str:
        """A company in a path."""
        return self.names.name(company or self.setting.company)

    # what was published

    async def mark(self) -> None:
        """What is published from now on belongs to the next step."""
        for service, pool in self.stage.pools.items():
            self._last[service] = await pool.fetchval(LAST)

    async def published(self) -> list[Published]:
        """Events of the scenario's companies since the mark, those of each service in their order."""
        found = []
        for service, pool in self.stage.pools.items():
            for row in await pool.fetch(PUBLISHED, self._last.get(service, 0), self.names.suffix + '"'):
                found.append(Published(row["type"], self.names.out(orjson.loads(row["payload"]))))
        return found


async def _set(pool: asyncpg.Pool, moment: datetime) -> None:
    async with pool.acquire() as connection:
        await set_business_clock(connection, moment)  # type: ignore[arg-type]
