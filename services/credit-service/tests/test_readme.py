"""The README names what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from credit_service.app import create_api
from credit_service.parameters.model import Parameters
from credit_service.periodic import TASKS
from credit_service.statistics.model import StatisticsParameters
from holdfast.contracts import REGISTRY
from holdfast.contracts.topics import CREDIT

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_every_parameter_and_every_task_is_named() -> None:
    names = [*Parameters.model_fields, *StatisticsParameters.model_fields, *TASKS.tasks]
    assert [name for name in names if f"`{name}`" not in README] == []


def test_every_event_that_is_published_is_named() -> None:
    told = [name.removesuffix(".v1") for name, cls in REGISTRY.items() if cls.topic is CREDIT]
    assert len(told) > 10
    assert [name for name in told if f"`{name}`" not in README] == []


def test_every_resource_and_every_permission_of_the_api_is_named(credit: Any) -> None:
    paths = create_api(credit.settings).openapi()["paths"]
    resources = sorted({path.split("/")[2] for path in paths if path.startswith("/v1/")})
    needed = {operation.get("x-permission") for methods in paths.values() for operation in methods.values()} - {None}
    assert len(resources) > 15
    assert [name for name in resources if f"/v1/{name}" not in README] == []
    assert [name for name in sorted(needed) if f"`{name}`" not in README] == []
