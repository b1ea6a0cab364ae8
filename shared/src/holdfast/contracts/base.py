"""What every event payload has in common, and the registry they sign up in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.scalars import (
    Amount,
    BusinessDate,
    Code,
    CompanyId,
    Country,
    Currency,
    FreeForm,
    Id,
    Instant,
    Number,
    Percent,
    Positive,
    Rate,
    Text,
    Total,
    Version,
    check_minor_units,
)  # fmt: skip
from holdfast.contracts.topics import Topic


class Part(BaseModel):
    """A piece of a payload. Unknown fields are ignored: within a version only optional fields are added."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Payload(Part):
    """The body of one event type."""

    event_type: ClassVar[str]
    topic: ClassVar[Topic]
    topics: ClassVar[tuple[Topic, ...]]
    example: ClassVar[dict[str, Any]]

    def partition_key(self) -> str:
        """The record key, derived from the body (design, section 2)."""
        raise NotImplementedError

    def parties(self) -> tuple[tuple[str, str], ...]:
        """Every (company, customer) whose figures this event may change."""
        return ()


class CustomerPayload(Payload):
    """A payload that concerns one customer: the invoice account of the document it speaks of."""

    company: CompanyId = Field(description="company (legal entity) of the ERP")
    customer: Id = Field(description="invoice (bill-to) account")

    def partition_key(self) -> str:
        return f"{self.company}/{self.customer}"

    def parties(self) -> tuple[tuple[str, str], ...]:
        return ((self.company, self.customer),)


REGISTRY: dict[str, type[Payload]] = {}
"""Every event type of the catalogue by its name."""

P = TypeVar("P", bound=Payload)


def event(event_type: str, topic: Topic, *others: Topic, example: dict[str, Any]) -> Callable[[type[P]], type[P]]:
    """Register a payload class as an event type of `topic`, with the example that documents it.

    What every service tells in the same words is on several topics.
    """

    def register(cls: type[P]) -> type[P]:
        if taken := {"event_type", "topic", "topics", "example"} & cls.model_fields.keys():
            raise ValueError(f"event type {event_type}: a field cannot be called {taken.pop()}")
        if event_type in REGISTRY:
            raise ValueError(f"event type {event_type} is registered twice")
        cls.event_type, cls.topic, cls.topics, cls.example = event_type, topic, (topic, *others), example
        REGISTRY[event_type] = cls
        return cls

    return register


__all__ = [
    "REGISTRY",
    "Amount",
    "BusinessDate",
    "Code",
    "CompanyId",
    "Country",
    "Currency",
    "CustomerPayload",
    "FreeForm",
    "Id",
    "Instant",
    "Number",
    "Part",
    "Payload",
    "Percent",
    "Positive",
    "Rate",
    "Text",
    "Total",
    "Version",
    "check_minor_units",
    "event",
]  # fmt: skip
