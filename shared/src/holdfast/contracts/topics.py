"""The topics of the bus, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

PARTITIONS = 6
"""Partitions of every keyed topic; never raised on a live topic, since the order within a key would break."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: who writes it, who reads it, and how long a record lives.

    `compacted` topics keep the newest record of each key; the others keep records `retention_days`.
    """

    name: str
    writer: str
    compacted: bool = False
    partitions: int = PARTITIONS
    retention_days: int = 28
    readers: tuple[str, ...] = ()


SERVICES = ("credit-service", "hold-service")
ERP_CUSTOMERS = Topic("erp.customers.v1", "the ERP", compacted=True, readers=SERVICES)
ERP_REFERENCE = Topic("erp.reference.v1", "the ERP", compacted=True, partitions=1, readers=SERVICES)
ERP_RECEIVABLES = Topic("erp.receivables.v1", "the ERP", readers=SERVICES)
ERP_ORDERS = Topic("erp.orders.v1", "the ERP", readers=SERVICES)
CREDIT = Topic("credit.v1", "credit-service", readers=("hold-service", "the ERP"))
COLLECTIONS = Topic("collections.v1", "collections-service", readers=("hold-service", "the ERP"))
REMINDERS = Topic("reminders.v1", "reminder-service", readers=("hold-service", "the ERP"))
NOTIFICATION_REQUESTS = Topic("notification-requests.v1", "any service", readers=("notification-service",))
HOLDS = Topic("holds.v1", "hold-service", readers=("credit-service", "the ERP"))


def dead_letters_of(service: str) -> Topic:
    """The topic that announces what `service` could not digest; the table in its database is the truth."""
    return Topic(f"{service}.dead-letters.v1", service, readers=("operators",))


CREDIT_DEAD_LETTERS = dead_letters_of("credit-service")
HOLD_DEAD_LETTERS = dead_letters_of("hold-service")

TOPICS: tuple[Topic, ...] = (
    ERP_CUSTOMERS, ERP_REFERENCE, ERP_RECEIVABLES, ERP_ORDERS,
    CREDIT, HOLDS, COLLECTIONS, REMINDERS, NOTIFICATION_REQUESTS, CREDIT_DEAD_LETTERS, HOLD_DEAD_LETTERS,
)  # fmt: skip
TOPIC_BY_NAME = {topic.name: topic for topic in TOPICS}
