"""Values that are made by the hundred thousand."""

from __future__ import annotations

from dataclasses import field, fields, make_dataclass
from typing import TypeVar

C = TypeVar("C", bound=type)


def quick(frozen: C) -> C:
    """A frozen dataclass whose instances are made as fast as if it were not frozen.

    At run time nothing but the type checker keeps the fields from being set. Measured: making values was a tenth of
    the time of a credit check, two thirds of which go to setting fields one call at a time.
    """
    given = [(f.name, f.type, field(default=f.default, default_factory=f.default_factory)) for f in fields(frozen)]
    frozen.__init__ = make_dataclass(frozen.__name__, given).__init__  # type: ignore[misc]
    del frozen.__setattr__, frozen.__delattr__
    return frozen
