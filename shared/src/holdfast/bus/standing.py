"""Partitions of this process that stand still, and why: the metric and readiness both tell it, database or not."""

from __future__ import annotations

from holdfast.bus import metrics
from holdfast.bus.port import TopicPartition

_REASONS: dict[tuple[str, TopicPartition], str] = {}


def stands_still(service: str, tp: TopicPartition, why: str) -> None:
    """A partition is not read until `why` is mended."""
    _REASONS[service, tp] = why
    metrics.STOPPED.labels(service, tp.topic, tp.partition).set(1)


def goes_on(service: str, tp: TopicPartition) -> None:
    """It is read again, or no longer by this process."""
    _REASONS.pop((service, tp), None)
    metrics.STOPPED.labels(service, tp.topic, tp.partition).set(0)


def reasons(service: str) -> dict[str, str]:
    """Partitions that stand still in this process, as topic:partition, and why."""
    return {str(tp): why for (name, tp), why in _REASONS.items() if name == service}
