"""`demo`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from holdfast.cli.running import run
from holdfast.erp.demo import Demo, Options
from holdfast.erp.generator import Plan, generate
from holdfast.erp.generator.plan import EVENTS_OF_A_YEAR


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    exit: Annotated[bool, typer.Option("--exit", help="end after the summary")] = False,
    workers: Annotated[
        int, typer.Option(min=0, max=16, help="worker processes of each service; 0: all in one process")
    ] = 0,
    bus: Annotated[
        Literal["postgres", "kafka"], typer.Option(help="the embedded log, or Apache Kafka (Java and Maven)")
    ] = "postgres",
    fresh: Annotated[bool, typer.Option("--fresh", help="throw away what an earlier demo left")] = False,
    events: Annotated[int, typer.Option(min=1000, max=5_000_000, help="about so many in the year")] = EVENTS_OF_A_YEAR,
    seed: Annotated[int, typer.Option(help="the same seed gives the same year")] = 1,
    days: Annotated[int, typer.Option(min=1, max=365, help="only the first days of the year")] = 365,
) -> None:
    """Replay a company's year on a simulated clock, print what happened, and serve the APIs until Ctrl-C.

    Needs nothing but Python: PostgreSQL is embedded, the bus is a log in it. A second start finds its data.

    \b
    holdfast demo                       a year of 25,000 events
    holdfast demo --exit --workers 3    three worker processes of each service, then end
    holdfast demo --bus kafka           the same on Apache Kafka
    holdfast demo --fresh --seed 7      another year
    """
    events = events * days // 365
    plan = Plan(seed=seed, events=events, days=days)
    options = Options(bus=bus, workers=workers, fresh=fresh, exit=exit)
    code = run(Demo(options, f"seed {seed}, {events} events", generate(plan), events).run())
    raise typer.Exit(code)
