"""Errors that a person can do something about become one sentence and an exit code, never a stack trace."""

from __future__ import annotations

import errno
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from holdfast.bus.dead_letters import NoSuchDeadLetter
from holdfast.bus.port import BusUnavailable
from holdfast.database.migrations import SchemaDiffers
from holdfast.database.reaching import SETTINGS, DatabaseAway, reason
from holdfast.erp.api import CallFailed
from holdfast.erp.barrier import Stalled
from holdfast.erp.happenings import BadFile
from holdfast.erp.replay import NotTaken
from holdfast.ingest.opening import OpeningNotTaken, OpeningRefused
from holdfast.platform.kafka_files import KafkaUnavailable
from holdfast.platform.local import ServiceEnded
from holdfast.platform.logging import scrubbed
from holdfast.platform.postgres_binaries import PostgresUnavailable
from holdfast.platform.services import TaskRefused, UnknownService
from holdfast.platform.serving import CannotListen
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
    BusUnavailable, CallFailed, CannotListen, DatabaseAway, KafkaUnavailable, NotTaken, OpeningNotTaken,
    PostgresUnavailable, SchemaDiffers, ServiceEnded, Stalled,
)  # fmt: skip
WRONG_ADDRESS: Errors = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
UNREACHABLE: Errors = (
    asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, *WRONG_ADDRESS, asyncpg.InterfaceError, OSError,
)  # fmt: skip


class Told(Exception):
    """A sentence for the person at the terminal, and the exit code."""

    def __init__(self, sentence: str, code: int = BAD_INPUT) -> None:
        super().__init__(sentence)
        self.code = code


KNOWN: Errors = (Told, *INPUT, *ENVIRONMENT, *UNREACHABLE, asyncpg.PostgresError)
NO_SPACE = "There is no space left on the disk ({}): make some, then start again."


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
    if isinstance(error, asyncpg.DiskFullError) or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return Told(NO_SPACE.format(error), FAILED)
    if isinstance(error, asyncpg.UndefinedTableError):
        return Told(f"The database has no tables yet ({error}): run `holdfast migrate` first.", FAILED)
    if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError) and error.filename:
        return Told(f"{error.filename} cannot be opened: {(error.strerror or 'no reason given').lower()}.")
    if isinstance(error, WRONG_ADDRESS):
        return Told(f"PostgreSQL refuses the connection: {error}. Correct user and database in {SETTINGS}.", FAILED)
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, UNREACHABLE):
        return Told(f"PostgreSQL refuses: {error}.", FAILED)
    server = "PostgreSQL" if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError) else "A server"
    return Told(f"{server} does not answer: {reason(error)}. Is it running?", FAILED)


def unexpected(error: BaseException) -> Told:
    """The sentence for an error that nobody has thought of; its stack trace goes to a file of its own."""
    text = scrubbed("".join(traceback.format_exception(error)))
    with tempfile.NamedTemporaryFile("w", prefix="holdfast-", suffix=".trace", delete=False) as kept:
        kept.write(text)
    first = str(scrubbed(str(error))).partition("\n")[0]
    return Told(f"This should not have happened ({type(error).__name__}: {first}); report it with {kept.name}.", FAILED)
