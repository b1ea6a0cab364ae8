"""A database that cannot be reached is named by its address, and never by its password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

SETTINGS = "HOLDFAST_CREDIT_DATABASE_URL, HOLDFAST_HOLD_DATABASE_URL and HOLDFAST_BUS_URL"
REMEDY = f"Start it (`holdfast demo` starts a local one), or correct its address: {SETTINGS} name one each."


class DatabaseAway(ConnectionError):
    """Nothing answers where PostgreSQL should; the text says where, why and what to do."""


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Let a connection that cannot be made to `url` inside the block raise DatabaseAway."""
    try:
        yield
    except OSError as error:
        raise DatabaseAway(away(url, error)) from error


def away(url: str, error: BaseException) -> str:
    """What to say of a PostgreSQL at `url` that does not answer."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2] or "its local socket"
    return f"PostgreSQL at {where} (database {parts.path[1:]}) does not answer: {reason(error)}. {REMEDY}"


def reason(error: BaseException) -> str:
    """Why a server was not reached, in plain words."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return os.strerror(number).lower() if number else str(error) or type(error).__name__
