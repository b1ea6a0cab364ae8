"""`dead-letters`, `outbox`, `offsets`: what an operator needs when something is stuck."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import asyncpg
import orjson
import typer

from holdfast.bus import dead_letters as letters
from holdfast.bus import offsets as stored
from holdfast.bus import outbox as sent
from holdfast.cli.running import run
from holdfast.cli.sentences import FAILED, Told
from holdfast.contracts.topics import TOPIC_BY_NAME
from holdfast.database.pool import create_pool
from holdfast.platform import logging
from holdfast.platform.clock import utc_now
from holdfast.platform.services import MODULES, check_service, load
from holdfast.platform.settings import load_settings

ServiceName = Annotated[str, typer.Argument(help=" or ".join(MODULES))]
Number = Annotated[int, typer.Argument(metavar="ID", help="as `list` shows it")]

dead_letters = typer.Typer(
    help="""What a service could not digest: look at it, replay it, or give it up.

    An event that cannot be handled waits here with its reason, and the later events of the same key behind it.

    \b
    holdfast dead-letters list hold-service
    holdfast dead-letters show hold-service 17
    holdfast dead-letters replay hold-service 17
    holdfast dead-letters drop hold-service 17 --reason "test data, agreed with Anna"
    """,
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
outbox = typer.Typer(
    help="""What a service publishes: send it again for a broker that lost its data, see what the bus has refused.

    \b
    holdfast outbox resend hold-service
    holdfast outbox refused hold-service
    """,
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
offsets = typer.Typer(
    help="""How far a service has read: let it read again.

    \b
    holdfast offsets reset hold-service erp.orders.v1 --to-beginning
    """,
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip


@asynccontextmanager
async def pool_of(service: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on the database of a service, for the length of a command."""
    check_service(service)
    settings = load_settings()
    # What went wrong is told in a sentence at the end.
    logging.configure(level="ERROR", style="console")
    url = settings.database_url(service)
    pool = await create_pool(url, application_name="holdfast-cli", max_size=2)
    try:
        yield pool
    finally:
        await pool.close()


@dead_letters.command("list")
def list_letters(
    service: ServiceName,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="at most so many")] = 100,
    all_states: Annotated[bool, typer.Option("--all", help="also what is settled")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """List what waits, oldest first, with field, value and remedy.

    \b
    holdfast dead-letters list hold-service
    holdfast dead-letters list credit-service --all --json
    """

    async def read() -> list[dict[str, Any]]:
        async with pool_of(service) as pool:
            return await letters.waiting(pool, limit=limit, every_state=all_states)

    rows = run(read())
    for row in rows:
        print(_json(row) if as_json else _line(row))
    if not as_json:
        print(_next(service, rows))


@dead_letters.command("show")
def show_letter(service: ServiceName, number: Number) -> None:
    """Show one dead letter as JSON: the whole event, the reason, and the stack if it was a crash.

    \b
    holdfast dead-letters show hold-service 17
    """

    async def read() -> dict[str, Any]:
        async with pool_of(service) as pool:
            return await letters.show(pool, number)

    row = run(read())
    value = row.get("value")
    row["value"] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    print(orjson.dumps(row, default=str, option=orjson.OPT_INDENT_2).decode())


@dead_letters.command("replay")
def replay_letter(service: ServiceName, number: Number) -> None:
    """Apply a dead letter anew and what waits behind it, in order. Running it twice does no harm.

    \b
    holdfast dead-letters replay hold-service 17
    """

    async def do() -> letters.Replayed:
        async with pool_of(service) as pool:
            return await letters.replay(pool, load(service).SERVICE, number)

    _tell(run(do()))


@dead_letters.command("drop")
def drop_letter(
    service: ServiceName,
    number: Number,
    reason: Annotated[str, typer.Option(help="why, and who decided; it is kept")],
) -> None:
    """Give a dead letter up for good and let the events behind it go.

    \b
    holdfast dead-letters drop hold-service 17 --reason "test data, agreed with Anna"
    """
    if not reason.strip():
        raise Told("Give a --reason: it is kept with the dead letter.")

    async def do() -> letters.Replayed:
        async with pool_of(service) as pool:
            return await letters.drop(pool, load(service).SERVICE, number, reason)

    print(f"dropped {number}")
    _tell(run(do()))


@outbox.command("resend")
def resend(
    service: ServiceName,
    topic: Annotated[str | None, typer.Option(help="only this topic")] = None,
    since: Annotated[datetime | None, typer.Option(help="only what was written at or after this time (UTC)")] = None,
    until: Annotated[datetime | None, typer.Option(help="only what was written before this time (UTC)")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="instead, all that the bus has refused")] = False,
) -> None:
    """Publish again what was published before, in order: for a broker that lost its data.

    Readers recognise what they have. Sent events are kept as long as the topic keeps its records. Run it again when it
    was broken off.

    \b
    holdfast outbox resend hold-service
    holdfast outbox resend hold-service --topic holds.v1 --since 2026-03-02T09:00:00 --until 2026-03-03T00:00:00
    holdfast outbox resend hold-service --refused
    """
    if topic is not None:
        _check_topic(topic)
    if refused and (topic, since, until) != (None, None, None):
        raise Told("--refused takes all that was refused: leave the other options out.")

    async def do() -> int:
        async with pool_of(service) as pool:
            if refused:
                return await sent.resend_refused(pool)
            return await sent.resend(pool, topic=topic, since=_in_utc(since), until=_in_utc(until))

    print(f"{run(do()):,} events will be published again by the workers of {service}")


def _in_utc(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given else None


@outbox.command("refused")
def show_refused(service: ServiceName) -> None:
    """List the events that the bus has refused, oldest first, each with the reason.

    \b
    holdfast outbox refused hold-service
    """

    async def do() -> list[dict[str, Any]]:
        async with pool_of(service) as pool:
            return await sent.refused(pool)

    for row in run(do()):
        print(f"{row['id']}  {row['topic']}  {row['key']}  {row['type']}  {row['refused_at']:%Y-%m-%d %H:%M}")
        print(f"    {row['refusal']}")


@offsets.command("reset")
def reset(
    service: ServiceName,
    topic: Annotated[str, typer.Argument(help="such as erp.orders.v1")],
    to_beginning: Annotated[bool, typer.Option("--to-beginning", help="read from the first record")] = False,
    to: Annotated[int | None, typer.Option(min=0, help="read from this offset; needs --partition")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="only this partition")] = None,
) -> None:
    """Let a service read a topic again. Events it has had are recognised by their id and do nothing.

    \b
    holdfast offsets reset hold-service erp.orders.v1 --to-beginning
    holdfast offsets reset hold-service erp.orders.v1 --partition 3 --to 1200
    """
    _check_topic(topic)
    if to_beginning == (to is not None):
        raise Told("Say where to read from: either --to-beginning, or --to with --partition.")
    if to is not None and partition is None:
        raise Told("An offset belongs to one partition: name it with --partition.")

    async def do() -> int:
        async with pool_of(service) as pool:
            return await stored.reset(pool, topic, partition, to or 0)

    count = run(do())
    if not count:
        raise Told(f"{service} has read nothing of {topic} yet, so there is nothing to reset.", FAILED)
    print(f"{service} reads {count} partition(s) of {topic} again; restart its workers if they stand still")


def _check_topic(topic: str) -> None:
    if topic not in TOPIC_BY_NAME:
        raise Told(f"There is no topic {topic!r}: choose from {', '.join(TOPIC_BY_NAME)}.")


def _tell(done: letters.Replayed) -> None:
    print(f"{done.applied:,} event(s) applied")
    if done.failed is not None:
        raise Told(f"Dead letter {done.failed} still fails: {done.reason}. {done.remedy or ''}".rstrip(), FAILED)


def _next(service: str, rows: list[dict[str, Any]]) -> str:
    first = next((row["id"] for row in rows if row["state"] in ("poison", "behind")), None)
    if not rows:
        return f"{service} has no dead letters."
    return "Nothing waits any more." if first is None else f"Next: holdfast dead-letters show {service} {first}"


def _age(since: datetime) -> str:
    minutes = int((utc_now() - since).total_seconds() // 60)
    for size, unit in ((24 * 60, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit} old"
    return f"{minutes} minutes old"


def _line(row: dict[str, Any]) -> str:
    where = f"{row['topic']}:{row['partition']}:{row['offset']}"
    head = f"{row['id']:>6}  {row['state']:<10} {where}  key {row['key'] or '-'}  {row['event_type'] or '-'}"
    head = f"{head}  {_age(row['parked_at'])}"
    if row["state"] == "behind" or not row["reason"]:
        return head
    return f"{head}\n        {row['field'] or 'event'}: {row['reason']} (got {row['shown']}). {row['remedy'] or ''}"


def _json(row: dict[str, Any]) -> str:
    return orjson.dumps(row, default=str).decode()
