"""Batches keep the order within a key although facts and decisions are handled function by function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from holdfast.bus.envelope import Incoming
from holdfast.bus.handlers import Handler, HandlerTable

Run = tuple[Handler, list[Incoming[Any]]]


def depths(events: Iterable[Incoming[Any]], handlers: HandlerTable) -> list[int]:
    """For each event the number of its segment, within which a key has facts first, then decisions of one type at most.

    A fact after a decision of the same key opens the next segment for that key, and so does a decision of another
    type; other keys stay where they are.
    """
    current: dict[str, int] = {}
    decided: dict[str, str | None] = {}
    found = []
    for event in events:
        handler = handlers.get(event.type)
        decision = event.type if handler is not None and handler.decides else None
        if decided.get(event.key) not in (None, decision):
            current[event.key] = current.get(event.key, 0) + 1
        decided[event.key] = decision
        found.append(current.get(event.key, 0))
    return found


def segments(events: Sequence[Incoming[Any]], handlers: HandlerTable) -> list[list[Incoming[Any]]]:
    """Split a batch into its segments."""
    places = depths(events, handlers)
    split: list[list[Incoming[Any]]] = [[] for _ in range(max(places, default=-1) + 1)]
    for place, event in zip(places, events, strict=True):
        split[place].append(event)
    return split


def runs(events: Iterable[Incoming[Any]], handlers: HandlerTable, *, decides: bool) -> Iterator[Run]:
    """Events of a segment grouped by function, each group in its order; only facts or only decisions."""
    known = ((handlers.get(event.type), event) for event in events)
    chosen = [(h, event) for h, event in known if h is not None and h.decides == decides]
    chosen.sort(key=lambda pair: pair[0].run)
    for _, group in groupby(chosen, key=lambda pair: pair[0].run):
        pairs = list(group)
        yield pairs[0][0], [event for _, event in pairs]
