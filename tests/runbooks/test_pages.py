"""What the runbooks name exists: commands with their options, metrics, and pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.runbooks.pages import COMMAND, FOLDER, PAGES, commands, metrics
from typer.main import get_command
from typer.testing import CliRunner

from holdfast.bus import metrics as declared
from holdfast.cli.app import app
from holdfast.platform.metrics import REGISTRY

EXAMPLES = {"SERVICE": "hold-service", "TOPIC": "erp.orders.v1", "ID": "17"}
ALL_COMMANDS = sorted({text for page in PAGES for text in commands(page.name)})


@pytest.mark.parametrize("text", ALL_COMMANDS)
def test_every_command_exists_with_its_options(text: str) -> None:
    for name, value in EXAMPLES.items():
        text = re.sub(rf"\b{name}\b", value, text)
    words = text.replace('"…"', "x").split()
    named = [word for word in words if not word.startswith("-")]
    command, at = get_command(app), 0
    while hasattr(command, "commands") and at < len(named):
        assert named[at] in command.commands, text
        command, at = command.commands[named[at]], at + 1
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, text
    assert CliRunner().invoke(app, [*named[:at], "--help"]).exit_code == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_metric_is_declared(page: Path) -> None:
    known = {metric.name for metric in REGISTRY.collect()}
    assert declared.STOPPED is not None
    assert metrics(page.name) <= known


def test_the_overview_links_every_page() -> None:
    overview = (FOLDER / "README.md").read_text()
    assert set(re.findall(r"\(([a-z-]+\.md)\)", overview)) == {p.name for p in PAGES} - {"README.md"}


def test_pages_have_commands_to_follow() -> None:
    with_commands = {page.stem for page in PAGES if COMMAND.search(page.read_text())}
    assert with_commands >= {"dead-letters", "lost-broker", "stuck-partition"}
