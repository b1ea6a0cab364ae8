"""What a service declares: its handlers, one line each, and how its customers are locked and refreshed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from holdfast.bus.envelope import Incoming
from holdfast.contracts.base import Payload
from holdfast.contracts.topics import Topic, dead_letters_of
from holdfast.database.work import Work

Party = tuple[str, str]
"""(company, customer)"""
Handle = Callable[[Work, Sequence[Incoming[Any]]], Awaitable[None]]
ForParties = Callable[[Work, set[Party]], Awaitable[None]]
TryParties = Callable[[Work, set[Party], set[Party]], Awaitable[set[Party]]]
H = TypeVar("H", bound=Handle)


class MoreParties(Exception):
    """A handler found further customers it touches: the batch is rolled back and begun again with all locked."""

    def __init__(self, parties: Iterable[Party]) -> None:
        super().__init__("further customers are touched")
        self.parties = set(parties)


@dataclass(frozen=True, slots=True)
class Handler:
    """A function for all events of its types in a batch, in their order. `decides` runs after the facts.

    `run` is the first type that the function was registered for.
    """

    payload: type[Payload]
    handle: Handle
    decides: bool
    run: str


class HandlerTable:
    """The handlers of a service by event type; topics to read follow from it."""

    def __init__(self) -> None:
        self._by_type: dict[str, Handler] = {}

    def on(self, payload: type[Payload], *, decides: bool = False) -> Callable[[H], H]:
        """Register the decorated function for a payload class. Raises ValueError when there is one already.

        Types whose order among each other matters are registered with the same function, which gets them mixed as they
        came.
        """

        def register(handle: H) -> H:
            if payload.event_type in self._by_type:
                raise ValueError(f"{payload.event_type} has a handler already")
            runs = (h.run for h in self._by_type.values() if h.handle is handle and h.decides == decides)
            self._by_type[payload.event_type] = Handler(payload, handle, decides, next(runs, payload.event_type))
            return handle

        return register

    def get(self, event_type: str) -> Handler | None:
        """The handler of an event type, if the service reads it."""
        return self._by_type.get(event_type)

    def __iter__(self) -> Any:
        return iter(self._by_type.values())

    @property
    def topics(self) -> list[str]:
        """Topics to subscribe to, sorted."""
        return sorted({handler.payload.topic.name for handler in self._by_type.values()})


async def _nothing(work: Work, parties: set[Party]) -> None:
    """Nothing follows from this."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the runner sees it.

    `lock` locks customers in sorted order in a statement of its own. `lock_free` is a statement ($1 companies, $2
    customers) that locks those it can without waiting and selects them; `try_lock` is told of them, tries the rest,
    and answers all but those that somebody else holds. `refresh` recomputes what follows from their facts;
    `on_parked` and `on_freed` are told whose events begin to wait, or no longer do. `polls_per_second` lets events
    gather, for a service whom nobody waits for (0: no limit; ADR 9).
    """

    name: str
    handlers: HandlerTable
    lock: ForParties
    lock_free: str
    try_lock: TryParties
    refresh: ForParties
    outgoing: Topic
    on_parked: ForParties = field(default=_nothing)
    on_freed: ForParties = field(default=_nothing)
    polls_per_second: float = 0.0

    @property
    def source(self) -> str:
        """CloudEvents source of what the service publishes."""
        return f"/holdfast/{self.name}"

    @property
    def dead_letters(self) -> Topic:
        """Where the service announces what it could not digest."""
        return dead_letters_of(self.name)
