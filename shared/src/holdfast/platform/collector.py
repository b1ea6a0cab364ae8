"""Python's garbage collector, set for processes that make many short-lived objects by the batch."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 10_000, 20, 20


def collect_by_the_batch() -> None:
    """Look for garbage every 10,000 new objects instead of every 700; called once, when a process has started.

    Measured: with the default the collector takes a quarter of the time of reading from the log in PostgreSQL; with
    50,000 one look takes 15 ms, which whoever is being decided waits for.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
