"""Errors that a person can do something about become one sentence and an exit code, never a stack trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from holdfast.bus.dead_letters import NoSuchDeadLetter
from holdfast.bus.port import BusUnavailable
from holdfast.erp.barrier import Stalled
from holdfast.erp.happenings import BadFile
from holdfast.erp.replay import NotTaken
from holdfast.ingest.opening import OpeningNotTaken, OpeningRefused
from holdfast.platform.kafka_files import KafkaUnavailable
from holdfast.platform.postgres_binaries import PostgresUnavailable
from holdfast.platform.services import TaskRefused, UnknownService
from holdfast.platform.settings import SettingsError
from holdfast.platform.stack import StackInUse
from holdfast.scenarios.marked import BadScenario

BAD_INPUT = 2
FAILED = 1

Errors = tuple[type[Exception], ...]
INPUT: Errors = (
    SettingsError, UnknownService, TaskRefused, BadFile, OpeningRefused, NoSuchDeadLetter, StackInUse, BadScenario,
)  # fmt: skip
ENVIRONMENT: Errors = (
    BusUnavailable, KafkaUnavailable, NotTaken, OpeningNotTaken, PostgresUnavailable, Stalled,
)  # fmt: skip
UNREACHABLE: Errors = (
    asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError, OSError,
)  # fmt: skip


class Told(Exception):
    """A sentence for the person at the terminal, and the exit code."""

    def __init__(self, sentence: str, code: int = BAD_INPUT) -> None:
        super().__init__(sentence)
        self.code = code


KNOWN: Errors = (Told, *INPUT, *ENVIRONMENT, *UNREACHABLE, asyncpg.UndefinedTableError)


@contextmanager
def told() -> Iterator[None]:
    """Turn known errors inside the block into `Told`."""
    try:
        yield
    except ExceptionGroup as group:
        known = _first(group)
        if known is None:
            raise
        raise _sentence(known) from None
    except KNOWN as error:
        raise _sentence(error) from None


def _first(group: ExceptionGroup[Exception]) -> Exception | None:
    known: Exception | None = group.subgroup(KNOWN)
    while isinstance(known, ExceptionGroup):
        known = known.exceptions[0]
    return known


def _sentence(error: Exception) -> Told:
    if isinstance(error, Told):
        return error
    if isinstance(error, INPUT):
        return Told(str(error))
    if isinstance(error, ENVIRONMENT):
        return Told(str(error), FAILED)
    if isinstance(error, asyncpg.UndefinedTableError):
        return Told(f"The database has no tables yet ({error}): run `holdfast migrate` first.", FAILED)
    if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError) and error.filename:
        return Told(f"{error.filename} cannot be opened: {(error.strerror or 'no reason given').lower()}.")
    return Told(f"A server does not answer: {error or type(error).__name__}. Is it running?", FAILED)
