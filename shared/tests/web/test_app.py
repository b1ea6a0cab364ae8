"""What every Holdfast API has in common, on an application with a few routes of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from holdfast.contracts.scalars import HOLD_NUMBER
from holdfast.platform.settings import Settings, load_settings
from holdfast.testing.http import serving
from holdfast.web.app import create_app
from holdfast.web.auth import Caller, issue_token, permitted, require
from holdfast.web.bodies import read_body
from holdfast.web.etags import IfMatch, check_if_match
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.problems import Problem

router = APIRouter(prefix="/v1/things")
Reader = Annotated[Caller, Depends(require("holds:see"))]


@router.get("")
async def list_things(caller: Reader, cursor: Cursor = None, limit: Limit = 2) -> JSONResponse:
    after = (decode_cursor(cursor, int) or (0,))[0]
    rows = [n for n in range(1, 6) if n > after][: limit + 1]
    shown, following = page(rows, limit, lambda n: (n,))
    return JSONResponse({"items": list(shown), "next_cursor": following})


class NewThing(BaseModel):
    """The body of a route."""

    id: UUID
    hold: str = Field(pattern=HOLD_NUMBER)
    kind: str = Field(pattern="^(a|b)$")


@router.post("")
async def make_thing(thing: NewThing, caller: Reader) -> None:
    """Takes a body."""


@router.put("/{n}")
async def change_thing(n: int, caller: Reader, if_match: IfMatch = None) -> JSONResponse:
    check_if_match(if_match, n)
    return JSONResponse({"worth": money(Decimal(n), "EUR"), "by": caller.subject})


@router.get("/fault/{kind}")
async def fail(kind: str, caller: Reader) -> None:
    raise {"gone": ConnectionResetError("gone"), "bug": ZeroDivisionError("secret")}[kind]


async def echo(request: Request) -> Response:
    await permitted(request, "checks:make")
    if (body := await read_body(request, 10)) == b"bug":
        raise ZeroDivisionError("secret")
    return Response(body)


@asynccontextmanager
async def nothing(app: FastAPI) -> AsyncIterator[None]:
    async def check() -> str | None:
        return "the database is away" if app.state.away else None

    app.state.away, app.state.checks["database"] = False, check
    yield


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


@pytest.fixture
def app(configured: Settings) -> FastAPI:
    direct = {("POST", "/v1/echo"): echo}
    return create_app(
        title="Test", service="hold-service", settings=configured, routers=[router], state=nothing, direct=direct
    )


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


@pytest.fixture
async def client(api: str, configured: Settings) -> AsyncIterator[httpx.AsyncClient]:
    token = issue_token(configured, "kim", ["work"])
    async with httpx.AsyncClient(base_url=api, headers={"authorization": f"Bearer {token}"}) as client:
        yield client


async def test_a_token_is_needed_and_must_be_ours_valid_and_permitted(api: str, configured: Settings) -> None:
    expired = issue_token(configured, "kim", ["work"], lifetime=timedelta(hours=-1))
    powerless = issue_token(configured, "kim", ["ingest"])
    async with httpx.AsyncClient(base_url=api) as client:
        for token, status in ((None, 401), ("Basic x", 401), ("Bearer x", 401), (f"Bearer {expired}", 401),
                              (f"Bearer {powerless}", 403)):  # fmt: skip
            for method, path in (("GET", "/v1/things"), ("POST", "/v1/echo")):
                answer = await client.request(method, path, headers={"authorization": token} if token else {})
                assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
                assert answer.json()["detail"]


async def test_a_token_that_is_none_is_told_so_in_plain_words(api: str, configured: Settings) -> None:
    expired = issue_token(configured, "kim", ["work"], lifetime=timedelta(hours=-1))
    async with httpx.AsyncClient(base_url=api) as client:
        for token, says in (("x", "it is no signed token (JWT)"), (expired, "it has expired")):
            answer = await client.get("/v1/things", headers={"authorization": f"Bearer {token}"})
            assert answer.json()["detail"] == f"The token is not valid: {says}. Get a new one."


async def test_a_wrong_request_is_told_in_the_words_of_a_wrong_event(client: httpx.AsyncClient) -> None:
    bodies = (b"{}", b'{"id": "no", "hold": "H-1", "kind": "c"}', b"{")
    headers = {"content-type": "application/json"}
    answers = [await client.post("/v1/things", content=body, headers=headers) for body in bodies]
    missing, wrong, broken = (answer.json()["errors"] for answer in answers)
    assert missing[0] == {
        "field": "id", "value": "nothing", "problem": "it is missing", "remedy": "Send this field; it is required."
    }  # fmt: skip
    shape = "not written in the form that is asked for"
    assert [error["problem"] for error in wrong] == ["not an id of ours", shape, shape]
    assert [error["remedy"] for error in wrong[1:]] == [
        "Write the number of a hold, such as H-000017.", "Send one of a, b."
    ]  # fmt: skip
    assert (broken[0]["field"], broken[0]["value"]) == ("body", "no JSON")


async def test_lists_go_on_by_cursor_to_their_end(client: httpx.AsyncClient) -> None:
    found, cursor = [], None
    while True:
        shown = (await client.get("/v1/things", params={"cursor": cursor} if cursor else {})).json()
        found += shown["items"]
        if (cursor := shown["next_cursor"]) is None:
            break
    assert found == [1, 2, 3, 4, 5]
    assert (await client.get("/v1/things", params={"cursor": "nonsense"})).status_code == 400


async def test_a_query_parameter_that_nobody_knows_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.get("/v1/things", params={"limit": 2, "curser": "x"})
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, "unknown-parameter")
    assert refused.json()["errors"] == [{
        "field": "curser", "value": "x", "problem": "is no query parameter of this route",
        "remedy": "Choose from cursor, limit."}]  # fmt: skip
    nobody = {"authorization": "Bearer x"}
    assert (await client.get("/v1/things", params={"curser": "x"}, headers=nobody)).status_code == 401


async def test_a_query_parameter_that_is_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.get("/v1/things?limit=2&limit=3")
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, "repeated-parameter")
    assert [error["field"] for error in refused.json()["errors"]] == ["limit"]


async def test_a_change_names_the_version_it_was_made_on(client: httpx.AsyncClient) -> None:
    tags = {None: 428, '"3"': 412, '"4"': 200, '"1", "4"': 200, "*": 200}
    for tag, status in tags.items():
        answer = await client.put("/v1/things/4", headers={"if-match": tag} if tag else {})
        assert answer.status_code == status


async def test_faults_that_pass_and_errors_of_ours_are_told_apart_and_tell_no_secret(
    client: httpx.AsyncClient,
) -> None:
    passing = await client.get("/v1/things/fault/gone")
    assert (passing.status_code, passing.headers["retry-after"]) == (503, "2")
    for bug in (await client.get("/v1/things/fault/bug"), await client.post("/v1/echo", content=b"bug")):
        assert bug.status_code == 500
        assert "secret" not in bug.text
        assert bug.json()["correlation_id"] == bug.headers["x-correlation-id"]


async def test_a_direct_route_answers_as_the_others_do(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/echo", content=b"hello", headers={"x-correlation-id": "mine"})
    assert (answer.text, answer.headers["x-correlation-id"]) == ("hello", "mine")
    assert (await client.post("/v1/echo", content=b"x" * 11)).status_code == 413
    assert (await client.get("/v1/echo")).status_code == 404


async def test_unknown_routes_and_methods_get_problem_documents(client: httpx.AsyncClient) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("DELETE", "/v1/things", 405)):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_root_points_to_the_document(api: str) -> None:
    async with httpx.AsyncClient(base_url=api) as client:
        found = await client.get("/")
        assert (found.status_code, found.json()["openapi"], found.json()["docs"]) == (200, "/openapi.json", "/docs")
        assert (await client.get(found.json()["openapi"])).status_code == 200


async def test_readiness_says_what_is_missing_and_liveness_does_not_care(app: FastAPI, api: str) -> None:
    async with httpx.AsyncClient(base_url=api) as client:
        assert (await client.get("/readyz")).status_code == 200
        app.state.away = True
        not_ready = await client.get("/readyz")
        assert (not_ready.status_code, not_ready.json()["problems"]) == (503, {"database": "the database is away"})
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/metrics")).headers["content-type"].startswith("text/plain")


async def test_a_problem_raised_by_many_callers_at_once_keeps_its_own_correlation(client: httpx.AsyncClient) -> None:
    names = [f"call-{n}" for n in range(20)]
    answers = await asyncio.gather(*(client.get("/v1/nothing", headers={"x-correlation-id": name}) for name in names))
    assert [answer.json()["correlation_id"] for answer in answers] == names


def test_a_problem_names_its_type_by_a_stable_address() -> None:
    body = Problem(409, "in-progress", "A request is running").body()
    assert body["type"].endswith("/in-progress")
    assert body["status"] == 409
