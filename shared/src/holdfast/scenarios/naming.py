"""The page of names: everything that a scenario file may call by a name of the services or the catalogue."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

import holdfast
from holdfast.contracts import REGISTRY
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.holds import CreditFigures
from holdfast.platform.services import MODULES
from holdfast.scenarios.names import (
    EXPOSURE,
    FIGURES,
    GROUP_EXPOSURE,
    HOLD_ENDED,
    HOLD_FIELDS,
    JOBS,
    REASONS,
    WORKFLOWS,
    names,
)  # fmt: skip
from holdfast.web.auth import ROLES

HEAD = """# Names that scenarios may use

Printed by `holdfast scenario names`. Written from the services and the catalogue by `make contracts`; a test fails when
it is not current. What each part of a file is for: [scenarios](../scenarios.md).
"""


def page() -> str:
    """The page as it is committed."""
    known = names()
    parts = [
        HEAD,
        _table("Parameters", ("parameter", "values; default – meaning"), known.described.items()),
        _table("Kinds of rules", ("kind", "holds when"), known.rule_kinds.items()),
        _list("Checkpoints", [place.value for place in Checkpoint]),
        _list("Reasons of a hold", REASONS),
        _table("Figures of a decision (`figures`)", ("figure", "what it says"), _figures()),
        _list("Exposure of a customer (`exposure`)", EXPOSURE),
        _list("Exposure of a credit group", GROUP_EXPOSURE),
        _list("A hold (`hold: {fields}` and rows of `/v1/holds`)", HOLD_FIELDS),
        _list("A hold that has ended", HOLD_ENDED),
        _list("Filters of `/v1/holds` (`params`)", known.hold_filters),
        _table("Roles", ("role", "permissions"), _roles()),
        _table("Tasks of credit-service", ("task", "what it does"), known.tasks.items()),
        _list("Jobs", sorted(JOBS)),
        _table("Workflows", ("service", "types"), ((name, ", ".join(kinds)) for name, kinds in WORKFLOWS.items())),
        _list("Problem types (`refused`)", sorted(problem_types())),
        *(
            _table(f"Fields of `{path}`", ("field", "values; default – meaning"), body.items())
            for path, body in _bodies()
        ),
        _table("Events", ("type", "what it says"), _events()),
    ]
    return "\n".join(parts)


def _table(title: str, head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"## {title}", "", f"| {head[0]} | {head[1]} |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {told} |" for name, told in rows), ""])


def _list(title: str, found: Iterable[str]) -> str:
    return f"## {title}\n\n{', '.join(f'`{name}`' for name in found)}\n"


def _roles() -> Iterator[tuple[str, str]]:
    for role, permissions in ROLES.items():
        yield role, ", ".join(f"`{name}`" for name in sorted(permissions))


def _bodies() -> Iterable[tuple[str, Mapping[str, str]]]:
    return names().bodies.items()


def _figures() -> Iterator[tuple[str, str]]:
    for name in FIGURES:
        yield name, CreditFigures.model_fields[name].description or ""


def _events() -> Iterator[tuple[str, str]]:
    for kind, cls in sorted(REGISTRY.items()):
        yield kind, (cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def problem_types() -> set[str]:
    """Every type that a service refuses something with, from their code."""
    modules = [import_module(module.split(".")[0]) for module in MODULES.values()]
    roots = [Path(place) for module in (holdfast, *modules) for place in module.__path__]
    found: set[str] = set()
    for file in (file for root in roots for file in root.rglob("*.py")):
        found.update(_typed(ast.parse(file.read_text("utf-8"))))
    return found


def _typed(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        called = getattr(node.func, "id", None) if isinstance(node, ast.Call) else None
        if called in ("Problem", "field_problem") and isinstance(node, ast.Call) and len(node.args) > 1:
            kind = node.args[1]
            if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                yield kind.value
