"""The formats of files that can be replayed, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from holdfast.erp.formats import ibm_late_payments
from holdfast.erp.happenings import Day, read_days


def _events(path: Path) -> Iterator[Day]:
    with path.open("rb") as handle:
        yield from read_days(handle)


FORMATS: dict[str, Callable[[Path], Iterator[Day]]] = {
    "events": _events,
    "ibm-late-payments": ibm_late_payments.days,
}


def from_file(path: Path, name: str) -> Iterator[Day]:
    """The days in a file of the format `name`. Raises BadFile, and OSError when it cannot be opened."""
    with path.open("rb"):
        return FORMATS[name](path)
