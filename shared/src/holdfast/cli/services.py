"""`run`, `migrate`, `topics`, `token`, `kafka`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import structlog
import typer

from holdfast.cli.running import run
from holdfast.cli.sentences import Told, told
from holdfast.platform import logging
from holdfast.platform.collector import collect_by_the_batch
from holdfast.platform.kafka_node import KafkaNode
from holdfast.platform.services import INGEST, MODULES, ROLES, check_roles, check_service, load, load_ingest
from holdfast.platform.serving import run_roles, stop_on_signals
from holdfast.platform.settings import load_settings
from holdfast.platform.stack import create_topics, migrate_service
from holdfast.web.auth import ROLES as TOKEN_ROLES
from holdfast.web.auth import issue_token

log = structlog.get_logger(__name__)
Services = Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="all services when absent")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run_service)
    app.command()(migrate)
    app.command()(topics)
    app.command()(token)
    app.command()(kafka)


def run_service(
    service: Annotated[str, typer.Argument(help=f"{', '.join([*MODULES, INGEST])}")],
    roles: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(ROLES)}; all when absent")] = None,
) -> None:
    """Run one service in one or more of its roles until SIGTERM or Ctrl-C.

    \b
    api     answers HTTP on HOLDFAST_HOST:HOLDFAST_PORT
    worker  takes events from the bus and publishes what was decided; run as many as there is work
    jobs    periodic work; any number of replicas, each run happens once

    \b
    holdfast run hold-service                 all roles in one process
    holdfast run hold-service worker          one more worker
    HOLDFAST_PORT=8080 holdfast run ingest api

    A process without the api role answers /livez, /readyz and /metrics there when HOLDFAST_PORT is set.
    """
    chosen = roles or (["api"] if service == INGEST else list(ROLES))
    check_roles(service, chosen)
    settings = load_settings()
    logging.configure(level=settings.log_level, style=settings.log_style, service=service)
    _ = load_ingest() if service == INGEST else load(service)
    collect_by_the_batch()

    async def until_stopped() -> None:
        await run_roles(service, chosen, settings, stop_on_signals())

    try:
        with told():
            run(until_stopped())
    except Told:
        raise
    except Exception:
        log.critical("crashed", exc_info=True)
        raise


def migrate(services: Services = None) -> None:
    """Bring the databases of services up to date. Running it twice, or on two machines at once, does no harm.

    \b
    holdfast migrate                 all services
    holdfast migrate hold-service
    """
    settings = load_settings()
    for service in services or list(MODULES):
        check_service(service)
        run(migrate_service(service, settings))
        print(f"{service}: the database is up to date")


def topics() -> None:
    """Create the topics that are missing on the bus, and say which differ from the catalogue.

    \b
    holdfast topics
    HOLDFAST_BUS=kafka HOLDFAST_KAFKA_BOOTSTRAP=broker:9092 holdfast topics
    """
    for sentence in run(create_topics(load_settings())):
        print(sentence)
    print("all topics exist")


def token(
    subject: Annotated[str, typer.Option(help="who the caller is")] = "local",
    role: Annotated[list[str] | None, typer.Option(help=f"{', '.join(TOKEN_ROLES)}; repeatable")] = None,
    company: Annotated[list[str] | None, typer.Option(help="repeatable; all when absent")] = None,
    hours: Annotated[int, typer.Option(min=1, max=24 * 366, help="how long it is valid")] = 24,
) -> None:
    """Print a bearer token signed with the local key, for the APIs of the local stack.

    \b
    TOKEN=$(holdfast token)                                        everything, all companies
    TOKEN=$(holdfast token --role see --company DE01 --hours 1)    may look at one company
    """
    wrong = next((name for name in role or () if name not in TOKEN_ROLES), None)
    if wrong is not None:
        raise Told(f"There is no role {wrong!r}: choose from {', '.join(TOKEN_ROLES)}.")
    print(issue_token(load_settings(), subject, role or list(TOKEN_ROLES), company or ["*"], timedelta(hours=hours)))


def kafka() -> None:
    """Start one Apache Kafka node on this machine (Java 17 and Maven needed) and keep it until Ctrl-C.

    \b
    holdfast kafka
    HOLDFAST_BUS=kafka HOLDFAST_KAFKA_BOOTSTRAP=127.0.0.1:PORT holdfast topics
    """

    async def until_stopped() -> None:
        node = KafkaNode(load_settings().data_dir)
        stop = stop_on_signals()
        print("starting Apache Kafka (the first time its jars are fetched) ...", flush=True)
        starting = asyncio.ensure_future(node.start())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            print(f"Apache Kafka takes connections at {starting.result()}; its log is {node.log}. Ctrl-C ends it.")
            await stopping
        starting.cancel()
        await node.stop()

    run(until_stopped())
