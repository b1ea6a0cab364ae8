"""The runbooks as tests read them: the commands and metrics that a page names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.faults.system import HOLD, System

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "runbooks"
PAGES = sorted(FOLDER.glob("*.md"))
COMMAND = re.compile(r"`holdfast ([^`]+)`")
METRIC = re.compile(r"`(holdfast_[a-z_]+)`")
ROUTE = re.compile(r"`GET (/[^`]+)`")


def commands(page: str) -> list[str]:
    """The commands of a page without `holdfast`, in their order."""
    text = (FOLDER / page).read_text()
    return [" ".join(found.split()) for found in COMMAND.findall(text)]


def command(page: str, beginning: str, **values: str) -> list[str]:
    """The words of the page's command that begins so, with what stands in capitals filled in."""
    (found, *_) = [text for text in commands(page) if text.startswith(beginning)]
    for name, value in {"SERVICE": HOLD, **values}.items():
        found = re.sub(rf"\b{name}\b", value, found)
    return shlex.split(found)


async def follow(system: System, page: str, beginning: str, **values: str) -> str:
    """Run a command of a page as it stands there; what it printed."""
    words = command(page, beginning, **values)
    status, output = await system.command(*words)
    assert status == 0, f"{words}: {output}"
    return output


def route(page: str, **values: str) -> str:
    """The path that a page asks, with what stands in capitals filled in."""
    (found,) = ROUTE.findall((FOLDER / page).read_text())
    for name, value in values.items():
        found = re.sub(rf"\b{name}\b", value, found)
    return str(found)


def metrics(page: str) -> set[str]:
    """The metrics that a page names."""
    return set(METRIC.findall((FOLDER / page).read_text()))
