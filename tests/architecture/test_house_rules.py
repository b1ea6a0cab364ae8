"""House rules that a reader would otherwise have to remember. Each failure says what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from holdfast.contracts import REGISTRY
from holdfast.platform.services import MODULES, load

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [ROOT / "shared" / "src", *sorted((ROOT / "services").glob("*/src"))]
MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 60


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def calls(path: Path, pattern: str) -> list[str]:
    lines = path.read_text().splitlines()
    return [f"{named(path)}:{n}" for n, line in enumerate(lines, 1) if re.search(pattern, line)]


@pytest.mark.parametrize("path", sources(), ids=named)
def test_a_file_is_one_thing(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= MOST_LINES_IN_A_FILE, f"{named(path)} has {lines} lines: split it by what it does"


@pytest.mark.parametrize("path", sources(), ids=named)
def test_a_function_does_one_thing(path: Path) -> None:
    long = [
        f"{named(path)}:{f.lineno} {f.name}"
        for f in functions(path)
        if (f.end_lineno or f.lineno) - f.lineno + 1 > MOST_LINES_IN_A_FUNCTION
    ]
    assert long == [], "split these functions"


def test_most_functions_are_short() -> None:
    lengths = sorted((f.end_lineno or f.lineno) - f.lineno + 1 for path in sources() for f in functions(path))
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 35


def test_money_is_never_a_float() -> None:
    kernel = [p for p in sources() if "/receivables/" in str(p) or p.name == "model.py"]
    assert [hit for path in kernel for hit in calls(path, r"\bfloat\(|(?<!age): float\b|-> float\b")] == []


def test_time_comes_from_the_clock() -> None:
    pattern = r"datetime\.now\(|datetime\.utcnow\(|date\.today\(|time\.time\(\)"
    edges = {"shared/src/holdfast/platform/clock.py"}
    assert [hit for path in sources() if named(path) not in edges for hit in calls(path, pattern)] == []


def test_models_ask_no_clock() -> None:
    models = [p for p in sources() if p.name == "model.py"]
    assert [hit for path in models for hit in calls(path, r"platform\.clock|utcnow|now\(\)")] == []


def test_httpx_is_imported_in_one_module() -> None:
    product = [path for path in sources() if "testing" not in path.parts]
    users = [named(path) for path in product if calls(path, r"^\s*(import httpx|from httpx)")]
    assert len(users) <= 1, users


def test_transactions_are_opened_at_the_edge_only() -> None:
    inside = [p for p in sources() if p.name in {"model.py", "store.py", "handlers.py"}]
    assert [hit for path in inside for hit in calls(path, r"\btransaction\(|\.commit\(\)")] == []


def test_nothing_is_left_for_later() -> None:
    marks = r"\b(TODO|FIXME|XXX)\b|NotImplementedError\(\"(todo|later)"
    assert [hit for path in sources() for hit in calls(path, marks)] == []


@pytest.mark.parametrize("event_type", sorted(REGISTRY))
def test_every_event_type_has_example_docstring_and_key(event_type: str) -> None:
    payload = REGISTRY[event_type]
    assert payload.__doc__, f"{event_type} needs a docstring: when is it sent, what does it carry"
    assert payload.model_validate(payload.example).partition_key()
    assert re.fullmatch(r"[a-z]+(\.[a-z-]+)+\.v\d+", event_type), "named like erp.invoice.posted.v1"


def handled_events() -> list[tuple[str, str]]:
    """Every event type a service handles, with the name of the service."""
    return sorted((name, h.payload.event_type) for name in MODULES for h in load(name).SERVICE.handlers)


@cache
def all_tests() -> str:
    folders = [ROOT / "tests", ROOT / "shared" / "tests", *(ROOT / "services").glob("*/tests")]
    return "\n".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))


@pytest.mark.parametrize(("service", "event_type"), handled_events())
def test_every_handler_has_a_test(service: str, event_type: str) -> None:
    named = (REGISTRY[event_type].__name__, event_type)
    assert any(name in all_tests() for name in named), f"write a test that sends {event_type} to {service}"


def test_every_metric_says_what_it_is() -> None:
    bare = [
        hit
        for path in sources()
        if named(path) != "shared/src/holdfast/platform/metrics.py"
        for hit in calls(path, r"prometheus_client.*import.*(Counter|Gauge|Histogram)")
    ]
    assert bare == [], "declare metrics through holdfast.platform.metrics, with a sentence"
