"""The event catalogue and the topic names: the only thing services share about each other."""

from holdfast.contracts import (
    collections,
    credit,
    credit_notices,
    dead_letters,
    erp_customers,
    erp_orders,
    erp_receivables,
    erp_reference,
    holds,
    notifications,
    reminders,
)  # fmt: skip
from holdfast.contracts.base import REGISTRY, CustomerPayload, Payload
from holdfast.contracts.topics import TOPIC_BY_NAME, TOPICS, Topic

__all__ = [
    "REGISTRY", "TOPICS", "TOPIC_BY_NAME", "CustomerPayload", "Payload", "Topic",
    "collections", "credit", "credit_notices", "dead_letters", "erp_customers", "erp_orders", "erp_receivables",
    "erp_reference", "holds", "notifications", "reminders",
]  # fmt: skip
