"""`task list`, `task run`: the periodic work of a service, now."""

from __future__ import annotations

import getpass
from datetime import date
from typing import Annotated, Any

import orjson
import typer

from holdfast.cli.operations import pool_of
from holdfast.cli.running import run
from holdfast.cli.sentences import FAILED, Told
from holdfast.platform.services import load_tasks, with_tasks

app = typer.Typer(
    help="""Periodic work of a service. The jobs role runs it once a business day; this runs it now.

    \b
    holdfast task list credit-service
    holdfast task run credit-service due-dates --company DE01
    """,
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
ServiceName = Annotated[str, typer.Argument(help=" or ".join(with_tasks()))]


@app.command("list")
def list_tasks(service: ServiceName) -> None:
    """List the tasks of a service with what they do.

    \b
    holdfast task list credit-service
    """
    for name, summary in load_tasks(service).summaries().items():
        print(f"{name:<20} {summary}")


@app.command("run")
def run_task(
    service: ServiceName,
    name: Annotated[str, typer.Argument(help="as `list` shows it")],
    company: Annotated[str, typer.Option(help="for which company")],
    as_of: Annotated[str | None, typer.Option(help="business date, 2026-03-31; the company's own when absent")] = None,
    customer: Annotated[list[str] | None, typer.Option(help="repeatable; all when absent")] = None,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE that the task may be told; repeatable")] = None,
) -> None:
    """Run a task to its end and say what it did. Running it twice does no harm.

    \b
    holdfast task run credit-service temporary-limits --company DE01
    holdfast task run credit-service delete-statistics --company DE01 --option keep_months=24
    """
    day, options = _day(as_of), dict(_pair(text) for text in option or ())

    async def act() -> dict[str, Any]:
        async with pool_of(service) as pool:
            return await load_tasks(service).run_task(pool, name, company, day, customer, options, getpass.getuser())

    done = run(act())
    if done["state"] != "done":
        raise Told(f"{name} for {company} failed: {done['problem']}", FAILED)
    print(
        f"{name} for {company} as of {done['as_of']}: {done['processed']} gone through, {done['changed']} changed, "
        f"{done['incomplete']} incomplete{', made ' + done['made'] if done['made'] else ''}"
    )


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Told(f"--as-of {text}: send a date such as 2026-03-31.") from None


def _pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise Told(f"--option {text}: write NAME=VALUE.")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value
