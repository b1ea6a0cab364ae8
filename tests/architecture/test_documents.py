"""What the pages say exists: settings, links, services; and every setting is on its page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.architecture.test_house_rules import ROOT
from tests.performance.__main__ import BENCHMARKS

from holdfast.platform.services import INGEST, MODULES
from holdfast.platform.settings import PREFIX, KafkaSettings, Settings

PAGES = sorted(
    page for page in ROOT.rglob("*.md") if not {".venv", ".git", "build", "node_modules"} & set(page.parts)
)  # fmt: skip
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
ROW = re.compile(r"^\| `(HOLDFAST_\w+)` \| ([^|]*) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FOR_TESTS = {"HOLDFAST_FAILPOINT"}
DEPLOYED = [
    path for path in (ROOT / "docker-compose.yml", *sorted((ROOT / "deploy").rglob("*"))) if path.is_file()
]  # fmt: skip
DEFAULT_ON_THE_PAGE = {"data_dir", "token_key_file"}
"""Whose default depends on where the process runs: the page says so in words."""


def variable(name: str) -> str:
    return PREFIX + ("BUS" if name == "bus_transport" else name.upper())


FIELDS = {variable(name): name for name in Settings.model_fields}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def documented() -> dict[str, tuple[str, str, str]]:
    return {name: (default.strip(), unit, what) for name, default, unit, what in ROW.findall(SETTINGS)}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    assert set(documented()) == set(FIELDS)
    assert len(ROW.findall(SETTINGS)) == len(FIELDS)
    assert {variable(name) for name in KafkaSettings.model_fields} <= set(FIELDS)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_default_and_unit_are_right(name: str) -> None:
    default, unit, what = documented()[name]
    field: Any = Settings.model_fields[FIELDS[name]]
    assert what
    assert (unit == "s") == FIELDS[name].endswith("_seconds")
    if FIELDS[name] not in DEFAULT_ON_THE_PAGE:
        assert default == ("" if field.default is None else f"`{field.default}`")


@pytest.mark.parametrize("path", [*DEPLOYED, ROOT / "Makefile", *PAGES], ids=named)
def test_only_settings_that_exist_are_used(path: Path) -> None:
    used = set(re.findall(r"\bHOLDFAST_[A-Z_]*[A-Z]\b", path.read_text()))
    assert used <= {*FIELDS, *FOR_TESTS}


def test_the_page_on_speed_names_every_benchmark() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "speed.md").read_text(), re.MULTILINE)
    assert named == list(BENCHMARKS)


def test_compose_gives_a_process_what_it_cannot_guess() -> None:
    given = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert {"HOLDFAST_BUS", "HOLDFAST_KAFKA_BOOTSTRAP"} <= set(given["x-service"]["environment"])
    for short in (service.removesuffix("-service") for service in MODULES):
        assert variable(f"{short}_database_url") in given[f"x-{short}"]["environment"]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall(page.read_text()):
        path, _, heading = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (heading and heading not in headings(file)):
            dead.append(target)
    assert dead == []


def headings(page: Path) -> set[str]:
    """The anchors of a page, as they are made from its headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("service", [*MODULES, INGEST])
def test_the_readme_names_every_service(service: str) -> None:
    assert service in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("target", re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text()))
def test_every_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
