"""The ingest API over real HTTP onto the embedded bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from schemathesis.specs.openapi.checks import positive_data_acceptance

from holdfast.bus.connect import connect
from holdfast.bus.postgres import install
from holdfast.contracts import REGISTRY
from holdfast.contracts.schemas import example_of
from holdfast.contracts.topics import ERP_RECEIVABLES, TOPICS
from holdfast.erp.answers import read_topic
from holdfast.ingest.api import MAX_BATCH_EVENTS, MAX_BODY_BYTES
from holdfast.ingest.app import create_api
from holdfast.platform.settings import Settings, load_settings
from holdfast.testing.databases import Databases
from holdfast.testing.exploring import TIMEOUT_SECONDS, explore
from holdfast.testing.http import serving
from holdfast.web.auth import issue_token

ONE = {"content-type": "application/cloudevents+json"}
MANY = {"content-type": "application/cloudevents-batch+json"}
PAYMENT = example_of(REGISTRY["erp.payment.posted.v1"])


@pytest.fixture
async def configured(fresh_database: Databases, tmp_path: Path) -> Settings:
    url = await fresh_database(scripts=())
    await install(url)
    settings = load_settings(data_dir=tmp_path, bus_url=url, bus_transport="postgres")
    admin = connect(settings.bus).admin()
    await admin.create_topics(TOPICS)
    await admin.close()
    return settings


@pytest.fixture
async def api(configured: Settings) -> AsyncIterator[str]:
    async with serving(create_api(configured)) as address:
        yield address


def client_of(api: str, configured: Settings, *companies: str) -> httpx.AsyncClient:
    token = issue_token(configured, "erp", ["ingest"], companies or ("*",))
    return httpx.AsyncClient(base_url=api, headers={"authorization": f"Bearer {token}"})


@pytest.fixture
async def client(api: str, configured: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api, configured) as client:
        yield client


def numbered(number: int, **changes: Any) -> dict[str, Any]:
    return {**PAYMENT, "id": f"e-{number}", "data": {**PAYMENT["data"], "document": f"P-{number}", **changes}}


async def documents(configured: Settings) -> list[str]:
    events = await read_topic(connect(configured.bus), ERP_RECEIVABLES)
    return [event.payload.document for event in events]


async def test_an_event_is_on_the_bus_when_it_is_answered(client: httpx.AsyncClient, configured: Settings) -> None:
    answer = await client.post("/v1/events", json=numbered(1), headers=ONE)
    assert answer.status_code == 202
    assert answer.json()["position"].startswith("erp.receivables.v1:")
    assert await documents(configured) == ["P-1"]


async def test_binary_mode_is_taken_too(client: httpx.AsyncClient, configured: Settings) -> None:
    names = ("id", "source", "type", "specversion", "time")
    headers = {f"ce-{name}": str(PAYMENT[name]) for name in names} | {"content-type": "application/json"}
    answer = await client.post("/v1/events", content=orjson.dumps(PAYMENT["data"]), headers=headers)
    assert answer.status_code == 202
    assert await documents(configured) == [PAYMENT["data"]["document"]]


async def test_a_batch_keeps_its_order_and_answers_each_event(client: httpx.AsyncClient, configured: Settings) -> None:
    events = [numbered(1), numbered(2, amount="1.555"), 3, numbered(4)]
    answer = await client.post("/v1/events/batch", json=events, headers=MANY)
    assert answer.status_code == 207
    assert [outcome["status"] for outcome in answer.json()] == [202, 400, 400, 202]
    wrong = answer.json()[1]["errors"][0]
    assert (wrong["field"], wrong["value"]) == ("amount", "1.555")
    assert wrong["remedy"]
    assert await documents(configured) == ["P-1", "P-4"]


async def test_all_that_is_wrong_with_an_event_is_told_at_once(client: httpx.AsyncClient) -> None:
    wrong = numbered(1, version=0, document="", currency="EUX", amount=1.5, posting_date="2026-02-30", Loud="x")
    answer = await client.post("/v1/events", json={**wrong, "time": "yesterday", "Loud": "x"}, headers=ONE)
    assert answer.status_code == 400
    told = {error["field"]: error for error in answer.json()["errors"]}
    assert {"time", "version", "document", "currency", "amount", "Loud"} <= told.keys()
    assert all(error["value"] and error["problem"] and error["remedy"] for error in told.values())


async def test_an_event_without_its_content_type_is_told_it(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/v1/events", content=orjson.dumps(numbered(1)), headers=headers)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["value"] == headers["content-type"]
    assert "content-type: application/cloudevents+json" in error["remedy"]


async def test_what_is_too_large_or_no_event_gets_a_problem_document(client: httpx.AsyncClient) -> None:
    too_many = orjson.dumps([{}] * (MAX_BATCH_EVENTS + 1))
    for path, content, headers, status in (
        ("/v1/events", b"{", ONE, 400),
        ("/v1/events", b"x" * (MAX_BODY_BYTES + 1), ONE, 413),
        ("/v1/events", b"[]", MANY, 415),
        ("/v1/events/batch", b"[]", ONE, 415),
        ("/v1/events/batch", too_many, MANY, 400),
        ("/v1/events/batch", b"[]", MANY, 400),
    ):
        answer = await client.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_an_event_of_another_company_is_refused(api: str, configured: Settings) -> None:
    async with client_of(api, configured, "XX99") as client:
        assert (await client.post("/v1/events", json=numbered(1), headers=ONE)).status_code == 403
    assert await documents(configured) == []


@pytest.mark.timeout(TIMEOUT_SECONDS)
async def test_schemathesis_finds_nothing(api: str, configured: Settings) -> None:
    # What a body must be is in the schema of its type and not in this document.
    await asyncio.to_thread(explore, api, issue_token(configured, "erp", ["ingest"]), positive_data_acceptance)
