"""Types the walk of a README into a shell against running services."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from holdfast.platform.local import LocalServices
from holdfast.platform.settings import load_settings
from holdfast.platform.stack import Bus, Stack

SERVICES = Path(__file__).resolve().parents[2] / "services"
BETWEEN = "=== next ==="
Printed = list[list[dict[str, Any]]]
TIMES = 2
"""Who has done a walk may do it again."""
WAIT = 'until curl -s "$INGEST/readyz" && curl -s "$CREDIT/readyz" && curl -s "$HOLD/readyz"; do sleep 0.1; done'


def blocks(service: str) -> list[str]:
    """The commands of the walk in a service's README, block by block."""
    walk = (SERVICES / service / "README.md").read_text().split("## A walk", 1)[1]
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


async def walked(service: str, environment: dict[str, str]) -> Printed:
    """What the walk prints, block by block, after the line that logs in."""
    lines = f"\necho '{BETWEEN}'\n".join(["TOKEN=$(holdfast token --subject kim)", *blocks(service)])
    return await typed(lines, environment)


async def walk(
    service: str, bus: Bus, folder: Path, then: Callable[[Stack], Awaitable[None]] | None = None
) -> list[Printed]:
    """What the walk prints, block by block, the first time and the second; `then` looks at the stack."""
    stack = Stack(load_settings(data_dir=folder), bus)
    services = LocalServices(stack, 0, folder / "walk.log")
    try:
        await stack.start()
        services.start_apis()
        services.start_jobs()
        await services.start_workers()
        environment = stack.environment() | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "INGEST": stack.address("ingest"),
            "CREDIT": stack.address("credit-service"), "HOLD": stack.address("hold-service"),
        }  # fmt: skip
        await services.while_running(typed(f"({WAIT}) > /dev/null 2>&1", environment))
        printed = [await services.while_running(walked(service, environment)) for _ in range(TIMES)]
        if then is not None:
            await then(stack)
        return printed
    finally:
        await services.stop()
        await stack.stop()
