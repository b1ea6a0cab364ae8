"""A hold-service on a fresh database: facts go in as a worker's batch would take them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import orjson
import pytest

from hold_service.app import MIGRATIONS, SERVICE, create_api
from hold_service.checks.decide import decide_many
from hold_service.groups.locks import lock_parties
from hold_service.holds.release import Release, release
from hold_service.holds.store import read_hold
from hold_service.parameters.model import HoldParameters
from hold_service.parameters.store import write_parameters
from hold_service.rankings.store import write_ranking
from hold_service.rechecks.jobs import recheck_due
from hold_service.rules.api import RuleBody, must_fit
from hold_service.rules.store import write_rule
from holdfast.bus import batch
from holdfast.bus.envelope import Incoming
from holdfast.bus.handlers import MoreParties, Party
from holdfast.bus.port import Record
from holdfast.contracts import REGISTRY
from holdfast.contracts.base import Payload
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.pool import create_pool
from holdfast.database.work import set_business_clock, transaction
from holdfast.platform.settings import Settings, load_settings
from holdfast.testing.http import serving
from holdfast.web.auth import issue_token

TODAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Hold:
    """Drives the service's own code paths without a bus."""

    pool: asyncpg.Pool
    sent: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    async def facts(self, *payloads: Payload) -> None:
        """Let events take effect in one transaction, as a batch from the bus does."""
        events, known = [self.incoming(p) for p in payloads], set[Party]()
        while True:
            try:
                async with transaction(self.pool) as work:
                    return await batch.apply(SERVICE, work, events, known)
            except MoreParties as more:
                known |= more.parties

    def incoming(self, payload: Payload) -> Incoming[Any]:
        """An event as the runner hands it over."""
        self.sent += 1
        record = Record(payload.topic.name, 0, self.sent, payload.partition_key(), (), b"", 0)
        return Incoming(str(uuid4()), "/erp", payload.event_type, TODAY, payload, record, payload.partition_key())

    async def check(self, *requests: CheckpointRequested, most_facts_age: float | None = None) -> list[dict[str, Any]]:
        """Decide in one transaction."""
        async with transaction(self.pool) as work:
            await lock_parties(work, {(r.company, r.customer) for r in requests})
            return [orjson.loads(answer) for answer in await decide_many(work, requests, most_facts_age)]

    async def rule(self, kind: str, value: str = "0", **fields: Any) -> None:
        """Set up a rule of DE01."""
        given = RuleBody(company="DE01", kind=kind, value=Decimal(value), **fields)
        must_fit(given)
        body = given.model_dump() | {"checkpoints": [place.value for place in given.checkpoints]}
        async with transaction(self.pool) as work:
            await write_rule(work, uuid4(), 1, body)

    async def parameters(self, company: str = "DE01", **given: Any) -> None:
        """Set the parameters of credit holds."""
        settings = HoldParameters(**given).model_dump(mode="json")
        async with transaction(self.pool) as work:
            await write_parameters(work, company, settings)

    async def credit_parameters(self, company: str = "DE01", **given: Any) -> None:
        """Set the parameters of limits, as credit-service sends them."""
        version = self.sent + 1
        await self.facts(event("credit.parameters.changed.v1", company=company, version=version, **given))

    async def ranks(self, subject: str, **ranks: int) -> None:
        """Rank payment terms or cash discounts."""
        async with transaction(self.pool) as work:
            await write_ranking(work, "DE01", subject, ranks)

    async def checkpoints(self, *, grace: int = 0, posting: bool = True, proforma: bool = True) -> None:
        """Set all checkpoints of DE01."""
        await self.pool.execute(
            "UPDATE checkpoint SET grace_days = $1, check_on_posting = $2, check_on_proforma = $3",
            grace, posting, proforma,
        )  # fmt: skip

    async def today(self, day: str) -> None:
        """Business time goes on to noon of a day."""
        async with self.pool.acquire() as connection:
            await set_business_clock(connection, datetime.fromisoformat(f"{day}T12:00:00+00:00"))

    async def release(self, order: str, mode: Any = "without_posting") -> None:
        """A person releases a held order."""
        async with transaction(self.pool) as work:
            await lock_parties(work, {("DE01", "C-1")})
            number = await work.conn.fetchval("SELECT id FROM hold WHERE order_no = $1 AND active", order)
            row = await read_hold(work, number)
            await release(work, row, Release("kim", "ok", mode))

    async def recheck(self) -> None:
        """Decide everything that is due."""
        while await recheck_due(self.pool):
            pass

    async def published(self) -> list[tuple[str, dict[str, Any]]]:
        """Everything in the outbox, each checked against the catalogue."""
        rows = await self.pool.fetch("SELECT type, payload FROM outbox ORDER BY seq")
        for row in rows:
            REGISTRY[row["type"]].model_validate_json(row["payload"])
        return [(row["type"], orjson.loads(row["payload"])) for row in rows]

    async def set_up(self, *, limit: str = "1000", rules: dict[str, str] | None = None) -> None:
        """Company DE01 in EUR, live, customer C-1 with a limit, all checkpoints on, rule 100 % of the limit."""
        await self.pool.execute(
            """INSERT INTO checkpoint SELECT 'DE01', d, true, true, 1
               FROM unnest('{confirmation,picking_list,packing_slip,invoice,warehouse_shipment}'::text[]) d"""
        )
        for kind, value in (rules or {"credit_limit_used": "100"}).items():
            await self.pool.execute(
                """INSERT INTO rule (id, company, kind, rule_type, valid_for, value, enabled, version, changed_at)
                   VALUES ($1, 'DE01', $2, 'blocking', 'all', $3::text::numeric, true, 1, now())""",
                uuid4(),
                kind,
                value,
            )
        await self.facts(
            event("erp.company.changed.v1"), event("erp.company.went-live.v1"), event("erp.customer.changed.v1"),
            profile(limit),
        )  # fmt: skip


def event(event_type: str, **changes: Any) -> Any:
    """The catalogue's example of an event type, about customer C-1 of DE01, with changes."""
    cls = REGISTRY[event_type]
    fields = {**cls.example, **changes}
    if "customer" in cls.model_fields:
        fields["customer"] = changes.get("customer", "C-1")
    return cls.model_validate_json(orjson.dumps(fields))


def profile(limit: str, version: int = 1, **changes: Any) -> Any:
    """A credit profile of C-1."""
    return event("credit.profile.changed.v1", credit_limit=limit, version=version, sequence=version, **changes)


def order(number: str, total: str, **changes: Any) -> Any:
    """The state of an order of C-1, in EUR."""
    return event("erp.order.changed.v1", order=number, total=total, lines=[], charges="0", **changes)


def request(number: str, total: str, attempt: str | None = None, **changes: Any) -> Any:
    """A checkpoint request for an order of C-1, in EUR."""
    attempt = attempt or f"{number}-1"
    return event("erp.order.checkpoint-requested.v1", order=number, total=total, attempt=attempt, **changes)


def invoice(number: str, amount: str, due: str = "2026-04-01", **changes: Any) -> Any:
    """An invoice of C-1, in EUR."""
    fields = {"tax_amount": "0", "lines": [], "order": None, "document_date": "2026-01-02"} | changes
    return event("erp.invoice.posted.v1", document=number, amount=amount, due_date=due, **fields)


def payment(number: str, amount: str, *paid: tuple[str, str], on: str = "2026-03-02") -> Any:
    """A payment of C-1, in EUR."""
    applied = [{"document": document, "amount": part} for document, part in paid]
    return event("erp.payment.posted.v1", document=number, amount=amount, applications=applied, document_date=on)


def group(limit: str, version: int = 1, members: tuple[str, ...] = ("DE01/C-1",), **changes: Any) -> Any:
    """A credit group; members as company/customer."""
    parties = [dict(zip(("company", "customer"), name.split("/"), strict=True)) for name in members]
    return event(
        "credit.group.changed.v1", credit_limit=limit, version=version, sequence=version, members=parties, **changes
    )


@pytest.fixture
def ask() -> SimpleNamespace:
    """Builders of events and requests."""
    made = (event, profile, order, request, invoice, payment, group)
    return SimpleNamespace(**{function.__name__: function for function in made})


@pytest.fixture
async def hold(fresh_database: Callable[..., Awaitable[str]]) -> AsyncIterator[Hold]:
    pool = await create_pool(await fresh_database(MIGRATIONS), application_name="test", max_size=20)
    async with pool.acquire() as connection:
        await set_business_clock(connection, TODAY)
    yield Hold(pool)
    await pool.close()


@pytest.fixture
def configured(hold: Any, tmp_path: Path) -> Settings:
    user, host = hold.pool._connect_args[0].rsplit("@", 1)
    return load_settings(hold_database_url=f"{user}@{host}", data_dir=tmp_path, bus_url="postgresql://unused")


@pytest.fixture
async def api(configured: Settings) -> AsyncIterator[str]:
    async with serving(create_api(configured)) as address:
        yield address


@pytest.fixture
async def client(api: str, configured: Settings) -> AsyncIterator[httpx.AsyncClient]:
    token = issue_token(configured, "kim", ["administer"])
    async with httpx.AsyncClient(base_url=api, headers={"authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def key() -> Callable[[], dict[str, str]]:
    """Headers of a new request."""
    return lambda: {"idempotency-key": str(uuid4()), "content-type": "application/json"}


@dataclass
class Person:
    """Somebody with a token."""

    client: httpx.AsyncClient

    async def get(self, path: str, **params: Any) -> Any:
        """What is there."""
        answer = await self.client.get(f"/v1{path}", params=params)
        return answer.json()

    async def holds(self, **params: Any) -> list[dict[str, Any]]:
        """The hold list."""
        items: list[dict[str, Any]] = (await self.get("/holds", **params))["items"]
        return items

    async def send(self, method: str, path: str, body: Any = None, tag: str | None = None) -> httpx.Response:
        """An unsafe request of its own key."""
        headers = {"idempotency-key": str(uuid4())} | ({"if-match": tag} if tag else {})
        return await self.client.request(method, f"/v1{path}", json=body, headers=headers)

    async def post(self, path: str, body: Any) -> httpx.Response:
        """An unsafe request that needs no version."""
        return await self.send("POST", path, body)

    async def act(self, hold: str, act: str, **body: Any) -> httpx.Response:
        """Release or reject the newest version of a hold."""
        tag = (await self.client.get(f"/v1/holds/{hold}")).headers.get("etag", '"1"')
        return await self.send("POST", f"/holds/{hold}/{act}", body, tag)


@pytest.fixture
async def person(api: str, configured: Settings) -> AsyncIterator[Callable[..., Any]]:
    """Call it for somebody: `await person("kim", ["administer"], ["DE01"])`."""
    async with AsyncExitStack() as opened:

        async def somebody(
            name: str = "kim", roles: Sequence[str] = ("administer",), companies: Sequence[str] = ("*",)
        ) -> Person:
            token = issue_token(configured, name, roles, companies)
            client = httpx.AsyncClient(base_url=api, headers={"authorization": f"Bearer {token}"})
            return Person(await opened.enter_async_context(client))

        yield somebody


@pytest.fixture
async def kim(person: Any) -> Person:
    """Somebody who may do everything."""
    found: Person = await person()
    return found


@pytest.fixture
async def reasons(hold: Any) -> None:
    """Reasons of DE01."""
    await hold.pool.execute(
        """INSERT INTO reason SELECT 'DE01', type, id, '', 1 FROM (VALUES ('release', 'PAID'), ('release', 'AUTO'),
           ('release', 'CANCEL'), ('release', 'MODIFIED'), ('hold', 'FRAUD')) v (type, id)"""
    )
