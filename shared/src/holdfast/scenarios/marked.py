"""YAML that remembers on which line each value stands.

As in YAML 1.2 only `true` and `false` are booleans; dates and decimal numbers stay text, so that nothing is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Where = tuple[str | int, ...]
"""The way to a value: keys of mappings and places in lists."""


class BadScenario(Exception):
    """A scenario file cannot be played; a sentence for each problem, which names file and line."""

    def __init__(self, *told: str) -> None:
        super().__init__("\n".join(told))
        self.told = told


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self.file = file
        self._merged: set[int] = set()

    def entries(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        """Keys with their values: those merged in by `<<` first, so that a mapping's own win. Raises BadScenario."""
        if id(node) not in self._merged:
            self._merged.add(id(node))
            self._refuse_repetition([key for key, _ in node.value if key.tag != MERGE])
            self.flatten_mapping(node)
        return list(node.value)

    def _refuse_repetition(self, keys: list[yaml.Node]) -> None:
        seen = set()
        for key in keys:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise BadScenario(f"{self.file}:{line}: {key.value} is written twice; write it once.")
            seen.add(key.value)


DEEPEST, MOST = 40, 200_000
"""Deeper and larger than any scenario; an anchor that holds itself, or a bomb of them, ends there."""
MERGE = "tag:yaml.org,2002:merge"
_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver(MERGE, re.compile(r"^<<$"), ["<"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^(0|-?[1-9][0-9]*)$"), list("-0123456789"))


@dataclass(frozen=True, slots=True)
class Marked:
    """A value and the lines of all values in it; `file` names where it was read from."""

    file: str
    value: Any
    lines: dict[Where, int] = field(default_factory=dict)

    def line(self, where: Where) -> int:
        """The line of a value, or of the nearest one around it."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def part(self, *where: str | int) -> Marked:
        """A value inside this one."""
        value = self.value
        for key in where:
            value = value[key]
        lines = {way[len(where) :]: line for way, line in self.lines.items() if way[: len(where)] == where}
        return Marked(self.file, value, lines)

    def over(self, below: Marked) -> Marked:
        """This value laid over another: mappings are merged, all else is replaced."""
        if not (isinstance(self.value, Mapping) and isinstance(below.value, Mapping)):
            return self
        value, lines = dict(below.value), dict(below.lines)
        for key in self.value:
            mine = self.part(key).over(below.part(key)) if key in below.value else self.part(key)
            lines = {way: line for way, line in lines.items() if way[:1] != (key,)}
            lines |= {(key, *way): line for way, line in mine.lines.items()}
            value[key] = mine.value
        return Marked(self.file, value, lines | {(): self.lines.get((), 1)})


def read_marked(path: Path) -> Marked:
    """Read a file. Raises BadScenario; OSError when it cannot be opened."""
    text = _text(path)
    lines: dict[Where, int] = {}
    try:
        loader = _Loader(text, str(path))
        node = loader.get_single_node()
        value = _plain(loader, node, (), lines) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadScenario(f"{path}:{line}: not YAML: {error.problem or error.context}.") from None
    return Marked(str(path), value, lines)


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadScenario(f"{path}:{line}: not UTF-8 text; save the file as UTF-8.") from None
    wrong = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if wrong is not None:
        line = text.count("\n", 0, wrong.start()) + 1
        raise BadScenario(f"{path}:{line}: the character {wrong[0]!a} is not allowed in YAML; remove it.")
    return text


def _plain(loader: _Loader, node: yaml.Node, where: Where, lines: dict[Where, int]) -> Any:
    lines[where] = node.start_mark.line + 1
    if len(where) > DEEPEST or len(lines) > MOST:
        name = ".".join(str(part) for part in where[:4])
        line = node.start_mark.line + 1
        raise BadScenario(f"{loader.file}:{line}: {name} holds itself, or more than anybody reads; write it out.")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, (*where, place), lines) for place, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    found: dict[str, Any] = {}
    for key_node, value_node in loader.entries(node):
        key = str(key_node.value)
        found[key] = _plain(loader, value_node, (*where, key), lines)
        lines[(*where, key)] = key_node.start_mark.line + 1
    return found
