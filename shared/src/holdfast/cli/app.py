"""Puts the commands together."""

from __future__ import annotations

import sys

import typer

from holdfast.cli import demo, erp, operations, scenario, services, tasks
from holdfast.cli.sentences import Told, told, unexpected

OVERVIEW = """Holdfast: credit and collections for any ERP, as services on a message bus.

\b
Try it:        holdfast demo
Run a service: holdfast migrate && holdfast topics && holdfast run hold-service api worker jobs
Look inside:   holdfast dead-letters list hold-service

Settings come from the environment (HOLDFAST_BUS, HOLDFAST_HOLD_DATABASE_URL, ...). Without them, commands find
the local stack that `holdfast demo` started.
"""

app = typer.Typer(
    help=OVERVIEW, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)  # fmt: skip
demo.register(app)
services.register(app)
app.add_typer(erp.app, name="erp")
app.add_typer(scenario.app, name="scenario")
app.add_typer(tasks.app, name="task")
app.add_typer(operations.dead_letters, name="dead-letters")
app.add_typer(operations.outbox, name="outbox")
app.add_typer(operations.offsets, name="offsets")


def main() -> None:
    """Run the command line; 2 is bad input, 1 a failure outside of it, 130 Ctrl-C. No stack trace is ever shown."""
    try:
        with told():
            app()
    except Told as told_them:
        _end(told_them)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        _end(unexpected(error))


def _end(told_them: Told) -> None:
    print(f"holdfast: {told_them}", file=sys.stderr)
    sys.exit(told_them.code)
