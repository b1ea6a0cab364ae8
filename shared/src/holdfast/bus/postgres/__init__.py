"""The embedded bus: an append-only log in PostgreSQL."""

from __future__ import annotations

from holdfast.bus.postgres.admin import LogAdmin, install
from holdfast.bus.postgres.consumer import SESSION_SECONDS, LogConsumer
from holdfast.bus.postgres.producer import LogProducer

__all__ = ["PostgresTransport", "install"]


class PostgresTransport:
    """The bus in the database at `url` (`holdfast.bus.port.Transport`).

    A member whose heartbeat is `session_seconds` old is put out of its group.
    """

    def __init__(self, url: str, session_seconds: float = SESSION_SECONDS) -> None:
        self._url, self._session_seconds = url, session_seconds

    def producer(self) -> LogProducer:
        """A producer; not started."""
        return LogProducer(self._url)

    def consumer(self, group: str, member: str | None = None) -> LogConsumer:
        """A member of `group`; not started."""
        return LogConsumer(self._url, group, member, self._session_seconds)

    def admin(self) -> LogAdmin:
        """Topic administration."""
        return LogAdmin(self._url)
