"""The walk in the README of hold-service, typed into a shell against running services, on both transports."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.platform.local import LocalServices
from holdfast.platform.settings import load_settings
from holdfast.platform.stack import Bus, Stack

README = Path(__file__).resolve().parents[2] / "services" / "hold-service" / "README.md"
BETWEEN = "=== next ==="
Printed = list[list[dict[str, Any]]]


def blocks() -> list[str]:
    """The commands of the walk, block by block."""
    walk = README.read_text().split("## A walk", 1)[1]
    return re.findall(r"```sh\n(.*?)```", walk, re.DOTALL)


async def typed(lines: str, environment: dict[str, str]) -> Printed:
    """What the blocks print, each line as JSON."""
    process = await asyncio.create_subprocess_exec(
        "sh", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment,
    )  # fmt: skip
    said, wrong = await process.communicate(lines.encode())
    assert (process.returncode, wrong.decode()) == (0, "")
    return [[json.loads(line) for line in part.splitlines() if line] for part in said.decode().split(f"{BETWEEN}\n")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bus", ["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def test_the_walk(bus: Bus, server_folder: Path) -> None:
    stack = Stack(load_settings(data_dir=server_folder), bus)
    services = LocalServices(stack, 0, server_folder / "walk.log")
    try:
        await stack.start()
        services.start_apis()
        await services.start_workers()
        lines = f"\necho '{BETWEEN}'\n".join(["TOKEN=$(holdfast token --subject kim)", *blocks()])
        environment = stack.environment() | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "INGEST": stack.address("ingest"),
            "CREDIT": stack.address("credit-service"), "HOLD": stack.address("hold-service"),
        }  # fmt: skip
        wait = (
            'until curl -s "$INGEST/readyz" && curl -s "$CREDIT/readyz" && curl -s "$HOLD/readyz"; do sleep 0.1; done'
        )
        printed = await services.while_running(typed(f"({wait}) > /dev/null 2>&1\n{lines}", environment))
    finally:
        await services.stop()
        await stack.stop()
    as_told(printed)


def as_told(printed: Printed) -> None:
    """Each block has printed what the page says."""
    _, _, set_up, held, explained, approved, forced, tried = printed
    assert [answer.get("status") for answer in set_up[:3]] == [202, 202, 202]
    assert [answer.get("detail") for answer in set_up[3:]] == [None] * 7
    (hold,) = held
    assert (hold["outcome"], hold["reasons"], hold["hold"]) == ("held", ["credit_exceeded"], "H-000001")
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
