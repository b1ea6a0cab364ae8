"""Chooses the transport by one setting."""

from __future__ import annotations

from holdfast.bus.port import Transport
from holdfast.platform.settings import BusSettings, SettingsError


def connect(settings: BusSettings) -> Transport:
    """The bus of these settings; connects when first used. Raises SettingsError when its address is not set.

    Kafka's client is only imported where Kafka is used.
    """
    if settings.transport == "kafka":
        from holdfast.bus.kafka import KafkaTransport

        return KafkaTransport(settings)
    from holdfast.bus.postgres import PostgresTransport

    if settings.url is None:
        raise SettingsError("HOLDFAST_BUS_URL is not set: name the PostgreSQL database that holds the bus.")
    return PostgresTransport(settings.url)
