"""A progress bar on a terminal, a line a month elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from tqdm import tqdm

from holdfast.erp.replay import Progress


class Bar:
    """A bar that counts events and shows the simulated day."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self._bar = bar

    def advance(self, day: date, events: int) -> None:
        """A day is done."""
        self._bar.set_description_str(f"{day}", refresh=False)
        self._bar.update(events)


class Lines:
    """A line whenever a month is done."""

    def __init__(self, total: int | None) -> None:
        self._total = f" of about {total:,}" if total else ""
        self._events = 0
        self._month: date | None = None

    def advance(self, day: date, events: int) -> None:
        """A day is done."""
        month = day.replace(day=1)
        if self._month is not None and month != self._month:
            sys.stdout.write(f"  {self._month:%Y-%m} done, {self._events:,}{self._total} events\n")
            sys.stdout.flush()
        self._month = month
        self._events += events


@contextmanager
def shown(total: int | None) -> Iterator[Progress]:
    """Show the progress towards about `total` events."""
    if not sys.stdout.isatty():
        yield Lines(total)
        return
    with tqdm(total=total, unit=" events", dynamic_ncols=True, file=sys.stdout, smoothing=0.1) as bar:
        yield Bar(bar)
