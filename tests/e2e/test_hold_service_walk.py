"""The walk in the README of hold-service, typed into a shell against running services, on both transports."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from tests.e2e.walking import Printed, walk

from holdfast.platform.stack import Bus, Stack
from holdfast.testing.waiting import eventually
from holdfast.web.auth import ROLES, issue_token


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bus", ["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def test_the_walk(bus: Bus, server_folder: Path) -> None:
    async def nothing_waits(stack: Stack) -> None:
        token = issue_token(stack.settings("credit-service"), "kim", list(ROLES))
        for service in ("credit-service", "hold-service"):
            await eventually(lambda service=service: nothing_waits_in(stack.address(service), token), 30)

    for printed in await walk("hold-service", bus, server_folder, nothing_waits):
        as_told(printed)


async def nothing_waits_in(address: str, token: str) -> bool:
    """Whether no fact waits for one that never comes."""
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as client:
        answer = await client.get("/v1/waiting")
    return answer.status_code == 200 and answer.json()["items"] == []


def as_told(printed: Printed) -> None:
    """Each block has printed what the page says."""
    _, _, set_up, held, explained, approved, forced, tried = printed
    assert [answer.get("status") for answer in set_up[:3]] == [202, 202, 202]
    assert [answer.get("detail") for answer in set_up[3:]] == [None] * 7
    sent, hold = held
    assert (sent["status"], hold["outcome"], hold["reasons"]) == (202, "held", ["credit_exceeded"])
    told, takes = explained
    assert any("150.00 %" in sentence for sentence in told["sentences"]), told["sentences"]
    assert [item["reason"] for item in takes["items"]] == ["credit_exceeded"]
    _, asked, refused, done = approved
    assert (asked["active"], asked["workflow_status"]) == (True, "approval_pending")
    assert refused["type"].endswith("approval-not-possible")
    assert (done["closed_as"], done["release_mode"], done["closed_by"]) == ("released", "with_posting", "kim")
    cancelled, order, made, evaluated, ended = forced
    assert (cancelled["status"], order["status"], made["held"]) == (202, 202, 1)
    assert [item["outcome"] for item in evaluated["items"]] == ["ready"]
    assert (ended["succeeded"], ended["items"][0]["outcome"]) == (1, "released")
    run, results = tried
    assert (run["would_be_freed"], run["would_be_held"]) == (1, 0)
    assert [(item["became"], item["decision"]) for item in results["items"]] == [("freed", hold["decision"])]
