"""`scenario run`, `scenario check`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.running import run
from holdfast.cli.sentences import FAILED
from holdfast.platform import logging
from holdfast.platform.settings import load_settings
from holdfast.scenarios.naming import page
from holdfast.scenarios.reading import read_files
from holdfast.scenarios.runner import run_files
from holdfast.scenarios.schema import schema

app = typer.Typer(
    help="""Stories in files, played through the real services: facts, steps, expectations.

    \b
    holdfast scenario check tests/scenarios/*.yaml
    holdfast scenario run tests/scenarios/holds.yaml
    """,
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="scenario files, see docs/scenarios.md")]


@app.command("run")
def run_scenarios(files: Files) -> None:
    """Play scenario files on a simulated clock; a line for each expectation, and last how many passed and failed.

    The services run on databases of their own, which are removed at the end; a demo's data is not touched.

    \b
    holdfast scenario run tests/scenarios/holds.yaml
    """
    settings = load_settings()
    logging.configure(level="ERROR", style="console")
    report = run(run_files(files, settings, lambda line: print(line, flush=True)))
    if report.failed:
        raise typer.Exit(FAILED)


@app.command("check")
def check_scenarios(files: Files) -> None:
    """Only read the files and say what is wrong with them, by file and line.

    \b
    holdfast scenario check tests/scenarios/*.yaml
    """
    read = Counter(one.marked.file for one in read_files(files))
    for file, count in read.items():
        print(f"{file}: {count} scenario{'' if count == 1 else 's'}")


@app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of scenario files; an editor that knows it completes and checks while you type.

    \b
    holdfast scenario schema > scenario.schema.json
    """
    print(schema(), end="")


@app.command("names")
def print_names() -> None:
    """Print the names that a file may use: parameters, rule kinds, reasons, figures, roles, problem types, events.

    \b
    holdfast scenario names | less
    """
    print(page(), end="")
