"""`erp generate`, `erp replay`, `erp import`."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from holdfast.bus.connect import connect
from holdfast.cli.running import run
from holdfast.cli.sentences import Told
from holdfast.erp.demo import Demo, Options
from holdfast.erp.formats.sources import FORMATS, from_file
from holdfast.erp.generator import Plan, generate
from holdfast.erp.generator.plan import EVENTS_OF_A_YEAR
from holdfast.erp.happenings import write_lines
from holdfast.ingest.opening import OpeningSummary, import_opening_balances
from holdfast.platform.settings import load_settings

app = typer.Typer(
    help="""A fake ERP to try Holdfast with, and the import of opening balances of a real one.

    \b
    holdfast erp generate --days 30 | head -3
    holdfast erp import open-items.csv --company DE01 --cut-over 2026-01-01 --dry-run
    """,
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip


@app.command("generate")
def generate_events(
    seed: Annotated[int, typer.Option(help="the same seed gives the same events")] = 1,
    events: Annotated[int, typer.Option(min=1000, max=5_000_000, help="about so many in a year")] = EVENTS_OF_A_YEAR,
    days: Annotated[int, typer.Option(min=1, max=365, help="simulate only the first days of the year")] = 365,
    out: Annotated[Path | None, typer.Option(help="a file; standard output when absent")] = None,
) -> None:
    """Write a company's year of ERP events, one CloudEvent in JSON a line.

    Each line has the extension `simulatedday`, and can be posted to the ingest endpoint as it is.

    \b
    holdfast erp generate --seed 7 --events 5000 --out year.jsonl
    holdfast erp generate --days 30 | head -3
    """
    lines = write_lines(generate(Plan(seed=seed, events=events, days=days)))
    if out is None:
        for line in lines:
            sys.stdout.buffer.write(line + b"\n")
        return
    with out.open("wb") as handle:
        count = sum(1 for line in lines if handle.write(line + b"\n"))
    print(f"{count:,} events written to {out}")


@app.command("replay")
def replay_file(
    file: Annotated[Path, typer.Argument(help="what `erp generate` wrote, or a file of --format")],
    format: Annotated[str, typer.Option(help=" or ".join(FORMATS))] = "events",
    exit: Annotated[bool, typer.Option("--exit", help="end after the summary")] = False,
    bus: Annotated[Literal["postgres", "kafka"], typer.Option(help="the transport")] = "postgres",
    workers: Annotated[int, typer.Option(min=0, max=16, help="worker processes of each service")] = 0,
) -> None:
    """Play a file of events on a simulated clock through a fresh local stack, then serve the APIs.

    What an earlier demo or replay left in the stack is thrown away.

    \b
    holdfast erp generate --events 2000 --out year.jsonl && holdfast erp replay year.jsonl --exit
    holdfast erp replay --format ibm-late-payments histories.csv
    """
    if format not in FORMATS:
        raise Told(f"There is no format {format!r}: choose {' or '.join(FORMATS)}.")
    days = from_file(file, format)
    options = Options(bus=bus, workers=workers, fresh=True, exit=exit)
    raise typer.Exit(run(Demo(options, f"{format}:{file.name}", days, None).run()))


@app.command("import")
def import_balances(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8, first line the column names")],
    company: Annotated[str, typer.Option(help="company (legal entity) of the ERP")],
    cut_over: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="first date whose documents come as events")],
    live: Annotated[bool, typer.Option("--live", help="declare the company live afterwards")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only check the file")] = False,
    version: Annotated[int, typer.Option(min=1, help="raise it to correct an earlier import")] = 1,
) -> None:
    """Load what is open at the cut-over date. All or nothing; run again after a break, nothing counts twice.

    Columns: kind (invoice, credit_note, payment), customer, document, currency, amount (what is open),
    document_date, and for invoices due_date; optional original_amount, payment_terms, order, reference, text.

    \b
    holdfast erp import open-items.csv --company DE01 --cut-over 2026-01-01 --dry-run
    holdfast erp import open-items.csv --company DE01 --cut-over 2026-01-01 --live
    """
    summary = run(_import(file, company, cut_over.date(), live, dry_run, version))
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.documents.items())) or "nothing"
    open_amounts = ", ".join(f"{amount} {currency}" for currency, amount in sorted(summary.open_amounts.items()))
    print(f"{kinds}; open: {open_amounts or 'nothing'}")
    print(f"{summary.sent} events sent" if not dry_run else "the file is in order; nothing was sent")
    if summary.live:
        print(f"{company} is declared live")


async def _import(file: Path, company: str, cut_over: date, live: bool, dry_run: bool, version: int) -> OpeningSummary:
    producer = connect(load_settings().bus).producer()
    await producer.start()
    try:
        return await import_opening_balances(file, company, cut_over, producer, live, dry_run, version=version)
    finally:
        await producer.stop()
