"""Reads scenario files; whatever is wrong is told with file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from holdfast.scenarios.events import check_events
from holdfast.scenarios.marked import BadScenario, Marked, Where, read_marked
from holdfast.scenarios.steps import Scenario, ScenarioFile

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Written:
    """A scenario with the lines it stands on."""

    scenario: Scenario
    marked: Marked

    def place(self, *where: str | int) -> str:
        """File and line of a part."""
        return f"{self.marked.file}:{self.marked.line(where)}"


def read_scenarios(path: Path) -> list[Written]:
    """All scenarios of a file, each laid over what is given. Raises BadScenario."""
    marked = read_marked(path)
    if not isinstance(marked.value, dict):
        raise BadScenario(f"{path}:1: nothing to play; begin with `scenarios:` or with `name:` and `steps:`.")
    if "scenarios" not in marked.value:
        return [_written(marked)]
    _check_frame(marked)
    given = marked.part("given") if "given" in marked.value else Marked(marked.file, {})
    return [_written(marked.part("scenarios", place).over(given)) for place in range(len(marked.value["scenarios"]))]


def _check_frame(marked: Marked) -> None:
    unknown = set(marked.value) - set(ScenarioFile.model_fields)
    for key in sorted(unknown):
        raise BadScenario(
            f"{marked.file}:{marked.line((key,))}: {key} is not known here; only given and scenarios are."
        )
    scenarios = marked.value["scenarios"]
    if not isinstance(scenarios, list) or not scenarios or not all(isinstance(s, dict) for s in scenarios):
        raise BadScenario(
            f"{marked.file}:{marked.line(('scenarios',))}: scenarios is a list with at least one scenario."
        )
    if not isinstance(marked.value.get("given", {}), dict):
        raise BadScenario(f"{marked.file}:{marked.line(('given',))}: given is a mapping of facts.")


def _written(marked: Marked) -> Written:
    written = Written(_valid(Scenario, marked), marked)
    for where, problem in check_events(written.scenario):
        raise BadScenario(f"{written.place(*where)}: {problem}")
    return written


def _valid(model: type[M], marked: Marked) -> M:
    try:
        return model.model_validate(marked.value)
    except ValidationError as error:
        first = _deepest(error.errors(include_url=False))
        where = _way(first["loc"], marked)
        name = ".".join(str(part) for part in where) or "the scenario"
        text = "is not known here" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise BadScenario(f"{marked.file}:{marked.line(where)}: {name}: {text}.") from None


def _deepest(errors: Sequence[Any]) -> Any:
    """Of the alternatives of a value the one that fits best is worth telling."""
    return max(errors, key=lambda error: (error["type"] == "extra_forbidden", len(error["loc"])))


def _way(loc: Sequence[str | int], marked: Marked) -> Where:
    """The way of an error without the names of alternatives that pydantic puts in between."""
    way: list[str | int] = []
    for part in loc:
        if (*way, part) in marked.lines or part == loc[-1]:
            way.append(part)
    return tuple(way)
