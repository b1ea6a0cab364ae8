"""The bus on Apache Kafka."""

from __future__ import annotations

import os
import socket

from holdfast.bus.kafka.admin import KafkaAdmin
from holdfast.bus.kafka.client import options
from holdfast.bus.kafka.consumer import KafkaConsumer
from holdfast.bus.kafka.producer import KafkaProducer
from holdfast.platform.settings import BusSettings

__all__ = ["KafkaTransport"]


class KafkaTransport:
    """The bus on the brokers of these settings (`holdfast.bus.port.Transport`)."""

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._name = f"holdfast-{socket.gethostname()}-{os.getpid()}"
        self._seconds = settings.kafka_request_timeout_seconds

    def producer(self) -> KafkaProducer:
        """A producer; not started."""
        return KafkaProducer(options(self._settings, self._name), self._seconds)

    def consumer(self, group: str, member: str | None = None) -> KafkaConsumer:
        """A member of `group`; not started. A static member when the settings name a group instance."""
        session_ms = int(self._settings.kafka_session_timeout_seconds * 1000)
        extra = {
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": min(session_ms // 5, 3_000),
            "group_instance_id": self._settings.kafka_group_instance_id,
        }
        return KafkaConsumer(options(self._settings, member or self._name), group, extra, self._seconds)

    def admin(self) -> KafkaAdmin:
        """Topic administration."""
        return KafkaAdmin(options(self._settings, self._name), self._settings.kafka_replication_factor, self._seconds)
