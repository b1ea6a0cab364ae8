"""The README names what there is."""

from __future__ import annotations

from pathlib import Path

from hold_service.app import create_api
from hold_service.parameters.model import HoldParameters
from hold_service.rules.model import with_rules
from holdfast.platform.settings import Settings

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_every_parameter_and_every_kind_of_rule_is_named() -> None:
    names = [*HoldParameters.model_fields, *with_rules()]
    assert [name for name in names if f"`{name}`" not in README] == []


def test_every_resource_of_the_api_is_named(configured: Settings) -> None:
    paths = create_api(configured).openapi()["paths"]
    resources = sorted({path.split("/")[2] for path in paths if path.startswith("/v1/")})
    assert len(resources) > 10
    assert [name for name in resources if f"/v1/{name}" not in README] == []
