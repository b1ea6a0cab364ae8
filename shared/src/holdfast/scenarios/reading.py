"""Reads scenario files; all that is wrong is told with file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from holdfast.scenarios.facts import CompanyFact
from holdfast.scenarios.marked import BadScenario, Marked, Where, read_marked
from holdfast.scenarios.references import wrong_references
from holdfast.scenarios.rehearsing import rehearse
from holdfast.scenarios.setting import setting_of
from holdfast.scenarios.shapes import fields_at
from holdfast.scenarios.steps import Scenario, ScenarioFile
from holdfast.scenarios.wording import words_of

Problem = tuple[Where, str]
OF_OTHERS = ("more", "profile", "body")
"""Where a part takes fields that are not the file's own."""


@dataclass(frozen=True, slots=True)
class Written:
    """A scenario with the lines it stands on."""

    scenario: Scenario
    marked: Marked

    def place(self, *where: str | int) -> str:
        """File and line of a part."""
        return f"{self.marked.file}:{self.marked.line(where)}"


def read_files(paths: Iterable[Path]) -> list[Written]:
    """All scenarios of all files. Raises BadScenario with what is wrong in any of them."""
    found: list[Written] = []
    told: list[str] = []
    for path in paths:
        try:
            found += read_scenarios(path)
        except BadScenario as wrong:
            told += wrong.told
    if told:
        raise BadScenario(*told)
    return found


def read_scenarios(path: Path) -> list[Written]:
    """All scenarios of a file, each laid over what is given. Raises BadScenario with all that is wrong."""
    marked = read_marked(path)
    if not isinstance(marked.value, dict):
        raise BadScenario(f"{path}:1: nothing to play; begin with `scenarios:` or with `name:` and `steps:`.")
    if "scenarios" not in marked.value:
        written, told = _written(marked)
    else:
        written, told = _several(marked)
    if told:
        raise BadScenario(*dict.fromkeys(told))
    return written


def _several(marked: Marked) -> tuple[list[Written], list[str]]:
    _check_frame(marked)
    given = marked.part("given") if marked.value.get("given") else Marked(marked.file, {})
    found, told = [], []
    for place in range(len(marked.value["scenarios"])):
        written, problems = _written(marked.part("scenarios", place).over(given))
        found += written
        told += problems
    return found, told


def _check_frame(marked: Marked) -> None:
    told = [
        _sentence(marked, (key,), f"{key} is not known here; only given and scenarios are")
        for key in marked.value
        if key not in ScenarioFile.model_fields
    ]
    scenarios = marked.value["scenarios"]
    if not isinstance(scenarios, list) or not scenarios or not all(isinstance(s, dict) for s in scenarios):
        told.append(_sentence(marked, ("scenarios",), "scenarios is a list with at least one scenario"))
    if not isinstance(marked.value.get("given") or {}, dict):
        told.append(_sentence(marked, ("given",), "given is a mapping of facts"))
    if told:
        raise BadScenario(*told)


def _written(marked: Marked) -> tuple[list[Written], list[str]]:
    """The scenario, or all that is wrong with it."""
    try:
        scenario = Scenario.model_validate(marked.value)
    except ValidationError as error:
        return [], [_sentence(marked, way, text) for way, text in _shape(error, marked)]
    if not scenario.companies:
        scenario = scenario.model_copy(update={"companies": {setting_of(scenario).company: CompanyFact()}})
    wrong = [*wrong_references(scenario), *rehearse(scenario)]
    return [Written(scenario, marked)], [_sentence(marked, way, text) for way, text in wrong]


def _sentence(marked: Marked, where: Where, text: str) -> str:
    return f"{marked.file}:{marked.line(where)}: {text}."


def _shape(error: ValidationError, marked: Marked) -> Iterator[Problem]:
    """What does not fit; of the alternatives of one value only those that fit best."""
    for detail in error.errors(include_url=False):
        where = _way(detail["loc"], detail["type"] == "missing", marked)
        name = ".".join(str(part) for part in where) or "the scenario"
        known = fields_at(Scenario, detail["loc"][:-1]) if detail["type"] == "extra_forbidden" else []
        more = f"; there is {', '.join(known)}" if known else ""
        if inside := [field for field in OF_OTHERS if field in known]:
            more += f". A field of the services or of the event goes under {' or '.join(inside)}"
        yield where, f"{name}: {words_of(detail)}{more}"


def _way(loc: Sequence[str | int], is_missing: bool, marked: Marked) -> Where:
    """The way of an error, without what pydantic puts in between: names of alternatives, places in made-up lists."""
    way: list[str | int] = []
    for place, part in enumerate(loc):
        if (*way, part) in marked.lines or (is_missing and place == len(loc) - 1):
            way.append(part)
    return tuple(way)
