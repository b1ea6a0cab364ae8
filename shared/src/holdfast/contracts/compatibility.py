"""May the catalogue replace the released one? Within a version only optional fields are added.

Each finding is a sentence; none means that whoever writes or reads the released version can go on unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
SHAPE = ("pattern", "format", "multipleOf")


def breaks(released: Mapping[str, Schema], current: Mapping[str, Schema]) -> list[str]:
    """What in `current` breaks the users of `released`; both map event types to JSON Schemas."""
    found: list[str] = []
    for name, schema in sorted(released.items()):
        if name not in current:
            found.append(f"{name}: the event type was removed; publish a new version beside it instead")
            continue
        found += [f"{name}: {finding}" for finding in Comparison(schema, current[name]).run()]
    return found


class Comparison:
    """Compares two schemas of one event type, following the references of each."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new

    def run(self) -> list[str]:
        """The findings, in the order of the old schema's fields."""
        return list(self._compare("body", self._old, self._new))

    def _compare(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        old, new = _resolve(old, self._old), _resolve(new, self._new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(path, old, new)
            return
        yield from _types(path, old, new)
        yield from _values(path, old, new)
        yield from _limits(path, old, new)
        yield from self._fields(path, old, new)
        for part in ("items", "additionalProperties"):
            if isinstance(new.get(part), dict):
                yield from self._compare(f"{path}[]", old.get(part) or {}, new[part])

    def _alternatives(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        offered = new.get("anyOf", [new])
        for wanted in old.get("anyOf", [old]):
            found = [list(self._compare(path, wanted, choice)) for choice in offered]
            if all(found):
                yield from min(found, key=len)

    def _fields(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                yield from self._compare(f"{path}.{name}", schema, after[name])
            else:
                yield f"{path}.{name}: the field was removed"
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{path}.{name}: the field is newly required"


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        resolved: Schema = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            resolved = resolved[step]
        schema = {**resolved, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def _types(path: str, old: Schema, new: Schema) -> Iterator[str]:
    if new.get("type") not in (None, old.get("type")):
        yield f"{path}: the type changed from {old.get('type', 'anything')} to {new['type']}"


def _values(path: str, old: Schema, new: Schema) -> Iterator[str]:
    allowed = _allowed(new)
    if allowed is None:
        return
    before = _allowed(old)
    gone = sorted(map(str, before - allowed)) if before is not None else ["every other value"]
    if gone:
        yield f"{path}: no longer allowed: {', '.join(gone)}"


def _allowed(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _limits(path: str, old: Schema, new: Schema) -> Iterator[str]:
    for names, sign in ((UPPER, 1), (LOWER, -1)):
        for name in names:
            if name in new and (name not in old or sign * new[name] < sign * old[name]):
                yield f"{path}: {name} narrowed from {old.get(name, 'none')} to {new[name]}"
    for name in SHAPE:
        if name in new and new[name] != old.get(name):
            yield f"{path}: {name} changed from {old.get(name, 'none')} to {new[name]}"
