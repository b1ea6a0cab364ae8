"""What an operator sees of a worker: its metrics and its readiness."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.faults.system import System

from holdfast.platform.processes import free_port
from holdfast.testing.children import Child
from holdfast.testing.waiting import eventually


@dataclass
class Watched:
    """A worker with a port for health and metrics."""

    child: Child
    client: httpx.AsyncClient

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all that has these labels; -1 while nobody answers."""
        try:
            text = (await self.client.get("/metrics")).text
        except httpx.TransportError:
            return -1
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples if s.name == name]
        return sum(s.value for s in samples if labels.items() <= s.labels.items())

    async def shows(self, name: str, value: float, **labels: str) -> None:
        """Wait until a metric has a value."""

        async def reached() -> bool:
            found = await self.metric(name, **labels)
            assert found == value, f"{name} is {found}, not {value}"
            return True

        await eventually(reached, 30)

    async def exceeds(self, name: str, value: float, **labels: str) -> None:
        """Wait until a metric is above a value."""

        async def reached() -> bool:
            return await self.metric(name, **labels) > value

        await eventually(reached, 30)

    async def readiness(self) -> tuple[int, Any]:
        """Status and problems."""
        answer = await self.client.get("/readyz")
        return answer.status_code, answer.json()["problems"]


@asynccontextmanager
async def watched_worker(system: System, **overrides: Any) -> AsyncIterator[Watched]:
    """A worker whose health can be asked."""
    async with watched(system, "worker", **overrides) as found:
        yield found


@asynccontextmanager
async def watched(system: System, role: str, **overrides: Any) -> AsyncIterator[Watched]:
    """A process in a role without an API, whose health can be asked."""
    port = free_port()
    async with system.worker(role=role, port=port, **overrides) as child:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            yield Watched(child, client)
