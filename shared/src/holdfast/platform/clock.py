"""The one place that asks the machine what time it is; business time is in the unit of work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Returns the present instant in UTC; tests hand in their own."""


def utc_now() -> datetime:
    """Real time, in UTC."""
    return datetime.now(UTC)


def local_date(at: datetime, time_zone: str) -> date:
    """The business date at instant `at` in an IANA time zone such as "Europe/Madrid".

    Raises ZoneInfoNotFoundError for a zone that does not exist.
    """
    return at.astimezone(ZoneInfo(time_zone)).date()


def earliest_date(at: datetime) -> date:
    """The date in the last time zone: no company has an earlier one at this instant."""
    return local_date(at, "Etc/GMT+12")


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970 in UTC, as bus records count time."""
    return int(at.timestamp() * 1000)
