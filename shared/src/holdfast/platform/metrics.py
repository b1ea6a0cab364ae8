"""Metrics, each declared once and with a sentence that says what it counts."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
REGISTRY = CollectorRegistry()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def _sentence(name: str, text: str) -> str:
    if len(text.split()) < 3 or not text.endswith("."):
        raise ValueError(f"metric {name} needs a sentence that says what it is, not {text!r}")
    return text


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """A number that only grows. Raises ValueError without a sentence or when the name is taken."""
    return Counter(name, _sentence(name, text), labels, registry=REGISTRY)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """A number that goes up and down. Raises ValueError without a sentence or when the name is taken."""
    return Gauge(name, _sentence(name, text), labels, registry=REGISTRY)


def histogram(name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS) -> Histogram:
    """A distribution, of seconds by default. Raises ValueError without a sentence or if the name is taken."""
    return Histogram(name, _sentence(name, text), labels, registry=REGISTRY, buckets=buckets)


def exposition() -> bytes:
    """All metrics of this process in Prometheus' text format (`CONTENT_TYPE`)."""
    return generate_latest(REGISTRY)
