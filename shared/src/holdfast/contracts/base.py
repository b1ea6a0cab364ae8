"""What every event payload has in common, and the registry they sign up in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from holdfast.contracts.topics import Topic


def _no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("write the amount as a decimal string such as \"12.50\", not as a JSON number")
    return value


Amount = Annotated[
    Decimal, BeforeValidator(_no_float), Field(max_digits=19, decimal_places=4, allow_inf_nan=False)
]
"""A signed decimal amount, written as a string; its currency is named by the field's description."""
Positive = Annotated[
    Decimal, BeforeValidator(_no_float), Field(ge=0, max_digits=19, decimal_places=4, allow_inf_nan=False)
]
"""An amount or quantity that is never negative."""
Rate = Annotated[
    Decimal, BeforeValidator(_no_float), Field(gt=0, max_digits=24, decimal_places=12, allow_inf_nan=False)
]
CompanyId = Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=r"^[^/\s\x00]+$")]
"""Company (legal entity) of the ERP; no slash, since it is the first half of the record key."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00]+$")]
"""An identifier of the ERP, taken as it is."""
Code = Annotated[str, StringConstraints(min_length=1, max_length=30, pattern=r"^[^\x00]+$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 currency code."""
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Version = Annotated[int, Field(ge=1, le=2**62)]
"""Version of the document the event speaks of; grows with each change of that document in the ERP."""


class Part(BaseModel):
    """A piece of a payload. Unknown fields are ignored: within a version only optional fields are added."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Payload(Part):
    """The body of one event type."""

    event_type: ClassVar[str]
    topic: ClassVar[Topic]
    example: ClassVar[dict[str, Any]]

    def partition_key(self) -> str:
        """The record key, derived from the body (design, section 2)."""
        raise NotImplementedError

    def parties(self) -> tuple[tuple[str, str], ...]:
        """Every (company, customer) whose figures this event may change."""
        return ()


class CustomerPayload(Payload):
    """A payload that concerns one customer: the invoice account of the document it speaks of."""

    company: CompanyId
    customer: Id = Field(description="invoice (bill-to) account")

    def partition_key(self) -> str:
        return f"{self.company}/{self.customer}"

    def parties(self) -> tuple[tuple[str, str], ...]:
        return ((self.company, self.customer),)


REGISTRY: dict[str, type[Payload]] = {}
"""Every event type of the catalogue by its name."""

P = TypeVar("P", bound=Payload)


def event(event_type: str, topic: Topic, example: dict[str, Any]) -> Callable[[type[P]], type[P]]:
    """Register a payload class as an event type of `topic`, with the example that documents it."""

    def register(cls: type[P]) -> type[P]:
        if event_type in REGISTRY:
            raise ValueError(f"event type {event_type} is registered twice")
        cls.event_type, cls.topic, cls.example = event_type, topic, example
        REGISTRY[event_type] = cls
        return cls

    return register


__all__ = [
    "REGISTRY", "Amount", "Code", "CompanyId", "Currency", "CustomerPayload", "Id", "Part", "Payload",
    "Positive", "Rate", "Text", "Version", "date", "event",
]  # fmt: skip
