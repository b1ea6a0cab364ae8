"""What every Kafka client of ours is told: addresses, security, time limits."""

from __future__ import annotations

import ssl
from typing import Any

from aiokafka.errors import KafkaError

from holdfast.bus.port import BusUnavailable
from holdfast.platform.settings import BusSettings, SettingsError

AWAY = (KafkaError, OSError, TimeoutError)
"""What a client raises when the broker is away or refuses; the messages name the cause."""


def unavailable(error: BaseException) -> BusUnavailable:
    """`error` in the words of the port."""
    said = str(error) or type(error).__name__
    return BusUnavailable(f"Kafka does not answer: {said}. HOLDFAST_KAFKA_BOOTSTRAP says where it is looked for.")


def options(settings: BusSettings, name: str) -> dict[str, Any]:
    """Arguments for any aiokafka client; `name` becomes its client id. Raises SettingsError."""
    if not settings.kafka_bootstrap:
        raise SettingsError("HOLDFAST_KAFKA_BOOTSTRAP is not set: name the brokers as host:port,host:port.")
    given: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap.split(","),
        "client_id": name,
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": int(settings.kafka_request_timeout_seconds * 1000),
        "metadata_max_age_ms": 60_000,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        given["ssl_context"] = _tls(settings)
    if settings.kafka_sasl_password is not None:
        given["sasl_mechanism"] = settings.kafka_sasl_mechanism
        given["sasl_plain_username"] = settings.kafka_sasl_username
        given["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return given


def _tls(settings: BusSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(settings.kafka_ssl_cafile) if settings.kafka_ssl_cafile else None)
    context.check_hostname = settings.kafka_ssl_check_hostname
    if settings.kafka_ssl_certfile:
        context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
    return context
