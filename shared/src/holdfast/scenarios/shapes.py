"""How a written value fits a model of the catalogue: unknown fields, booleans, and numbers that are texts there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from holdfast.scenarios.marked import Where


def problems_of(model: type[BaseModel], value: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """What the model does not know, at any depth, and booleans that are neither true nor false."""
    for name, item in value.items():
        if name not in model.model_fields:
            yield (name,), f"has no field {name}; there are {', '.join(model.model_fields)}"
            continue
        annotation = model.model_fields[name].annotation
        if _has(annotation, bool) and not isinstance(item, bool | None):
            yield (name,), f"{name}: must be true or false"
        inner = _model(annotation)
        places = enumerate(item) if isinstance(item, list) else [(None, item)]
        for place, part in places:
            if inner is not None and isinstance(part, Mapping):
                way: Where = (name,) if place is None else (name, place)
                yield from (((*way, *below), text) for below, text in problems_of(inner, part))


def shaped(model: type[BaseModel], value: Mapping[str, Any]) -> dict[str, Any]:
    """The value as the catalogue wants it: whole numbers that are amounts or names become texts."""
    return {name: _shaped(model.model_fields[name].annotation, item) for name, item in value.items()}


def _shaped(annotation: Any, item: Any) -> Any:
    inner = _model(annotation)
    if isinstance(item, list):
        return [_shaped(annotation, part) for part in item]
    if isinstance(item, Mapping):
        return shaped(inner, item) if inner is not None else item
    number = isinstance(item, int) and not isinstance(item, bool)
    return str(item) if number and not _has(annotation, int) else item


def way_is_known(model: type[BaseModel], way: str) -> bool:
    """Whether a path with dots can lead to something in values of the model."""
    name, _, rest = way.partition(".")
    if name.isdecimal():
        return not rest or way_is_known(model, rest)
    if name not in model.model_fields:
        return False
    annotation = model.model_fields[name].annotation
    inner = _model(annotation)
    return not rest or inner is None or way_is_known(inner, rest)


def fields_at(model: type[BaseModel], way: Sequence[str | int]) -> list[str]:
    """The names that a value at the end of a way may have."""
    at: type[BaseModel] | None = model
    for part in way:
        fields = {field.alias or name: field for name, field in (at.model_fields if at else {}).items()}
        if part in fields:
            at = _model(fields[str(part)].annotation)
    return [field.alias or name for name, field in at.model_fields.items()] if at else []


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model(arg)) is not None), None)


def _has(annotation: Any, kind: type) -> bool:
    return annotation is kind or any(_has(arg, kind) for arg in get_args(annotation))
