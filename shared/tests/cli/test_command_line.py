"""The command line teaches with its help, and answers bad input with one sentence and exit code 2."""

from __future__ import annotations

import errno
import gc
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.main import get_command

from holdfast.bus.dead_letters import Replayed
from holdfast.cli import main, operations
from holdfast.cli.app import app
from holdfast.cli.sentences import Told
from holdfast.database.migrations import SchemaDiffers
from holdfast.erp.api import CallFailed
from holdfast.platform.clock import utc_now
from holdfast.platform.collector import MIDDLE, OLD, YOUNG
from holdfast.platform.local import ServiceEnded
from holdfast.platform.services import INGEST, MODULES
from holdfast.platform.serving import CannotListen


def tree(command: Any, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all below it."""
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from tree(below, *words, name)


COMMANDS = sorted(tree(get_command(app)))


@dataclass(frozen=True)
class Done:
    """What a command printed and its exit code."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def holdfast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in this process, with no local stack and no settings but those given."""
    for name in [name for name in os.environ if name.startswith("HOLDFAST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOLDFAST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str, **settings: str) -> Done:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["holdfast", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_explains_and_shows_an_example(words: tuple[str, ...], holdfast: Command) -> None:
    done = holdfast(*words, "--help")
    assert done.returncode == 0, done.stderr
    usage, _, text = done.stdout.partition("\n\n")
    assert usage.startswith("Usage: holdfast"), usage
    assert len(text.strip().partition("\n")[0].split()) >= 5, "what it is for"
    assert re.search(rf"^  (.*[ (])?holdfast {' '.join(words)}", text, re.MULTILINE), "an example"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "No such command 'nonsense'"),
        ("run sales-service", "There is no service 'sales-service'"),
        ("run hold-service cook", "has no role 'cook'"),
        ("run ingest worker", "ingest has no role 'worker'"),
        ("migrate ingest", "has no database"),
        ("migrate", "HOLDFAST_CREDIT_DATABASE_URL is not set"),
        ("topics", "HOLDFAST_BUS_URL is not set"),
        ("token --role king", "There is no role 'king'"),
        ("token --hours 0", "--hours"),
        ("demo --bus pigeon", "--bus"),
        ("demo --events many", "--events"),
        ("erp generate --events 1", "--events"),
        ("erp generate --out /no/such/folder/file", "/no/such/folder/file cannot be opened"),
        ("erp replay missing.jsonl", "missing.jsonl cannot be opened"),
        ("erp replay missing.jsonl --format edifact", "There is no format 'edifact'"),
        ("erp import missing.csv --company DE01 --cut-over tomorrow", "--cut-over"),
        ("dead-letters list nobody", "There is no service 'nobody'"),
        ("dead-letters list hold-service", "HOLDFAST_HOLD_DATABASE_URL is not set"),
        ("dead-letters show hold-service seven", "ID"),
        ("dead-letters drop hold-service 7", "--reason"),
        ("outbox resend hold-service --topic nothing", "There is no topic 'nothing'"),
        ("outbox resend hold-service --refused --topic holds.v1", "leave the other options out"),
        ("offsets reset hold-service erp.orders.v1", "either --to-beginning, or --to"),
        ("offsets reset hold-service erp.orders.v1 --to 5", "--partition"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(line: str, says: str, holdfast: Command) -> None:
    done = holdfast(*line.split())
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(holdfast: Command) -> None:
    done = holdfast("topics", HOLDFAST_BUS="pigeon")
    assert done.returncode == 2
    assert done.stderr.startswith("holdfast: HOLDFAST_BUS is wrong")


def test_a_server_that_is_away_is_no_bad_input(holdfast: Command) -> None:
    url = "postgresql://nobody:nothing@127.0.0.1:1/none"
    done = holdfast("dead-letters", "list", "hold-service", HOLDFAST_HOLD_DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith("holdfast: PostgreSQL at 127.0.0.1:1 (database none) does not answer: connection")
    assert all(word in done.stderr for word in ("HOLDFAST_HOLD_DATABASE_URL", "`holdfast demo`"))
    assert "nothing" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", ["migrate hold-service", "topics", "run hold-service api", "run hold-service worker"])
def test_a_database_that_is_away_is_named_by_its_address(words: str, holdfast: Command) -> None:
    url = "postgresql://nobody:nothing@127.0.0.1:1/none"
    done = holdfast(*words.split(), HOLDFAST_HOLD_DATABASE_URL=url, HOLDFAST_BUS_URL=url)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("holdfast: ")]
    assert [line.partition(": c")[0] for line in told] == [
        "holdfast: PostgreSQL at 127.0.0.1:1 (database none) does not answer"
    ]
    assert not any(word in done.stderr for word in ("Traceback", "HOLDFAST_PORT", "nothing"))


def test_the_list_of_dead_letters_tells_their_age_and_what_comes_next() -> None:
    row = {"id": 17, "state": "poison", "topic": "t", "partition": 0, "offset": 5, "key": "DE01/C", "event_type": "e",
           "field": "amount", "shown": "much", "reason": "no number", "remedy": "Send one.",
           "parked_at": utc_now() - timedelta(hours=5)}  # fmt: skip
    head, reason = operations._line(row).splitlines()
    assert head.endswith("5 hours old")
    assert reason.endswith("Send one.")
    assert operations._next("hold-service", [row]) == "Next: holdfast dead-letters show hold-service 17"
    assert operations._next("hold-service", [row | {"state": "dropped"}]) == "Nothing waits any more."


def test_a_replay_that_fails_again_tells_the_remedy() -> None:
    with pytest.raises(Told) as caught:
        operations._tell(Replayed(2, 17, "no number", "Send one."))
    assert str(caught.value) == "Dead letter 17 still fails: no number. Send one."


def test_a_port_that_is_taken_is_named(holdfast: Command) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        url = "postgresql://nobody:nothing@127.0.0.1:1/none"
        done = holdfast("run", "ingest", "api", HOLDFAST_PORT=port, HOLDFAST_BUS_URL=url)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("holdfast: ")]
    assert told == [
        f"holdfast: Nothing can listen on 127.0.0.1:{port}, since the port is taken or not ours to take: set "
        f"HOLDFAST_PORT to a free one, or HOLDFAST_HOST to an address of this machine."
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (CallFailed("GET http://127.0.0.1:1/v1 was answered with 500: no"), "was answered with 500"),
        (SchemaDiffers("holdfast_hold"), "make demo FRESH=1"),
        (OSError(errno.ENOSPC, "No space left on device", "/data"), "There is no space left on the disk"),
        (asyncpg.DiskFullError("could not extend file"), "There is no space left on the disk"),
        (asyncpg.UndefinedTableError('relation "hold" does not exist'), "run `holdfast migrate` first"),
        (asyncpg.InsufficientPrivilegeError("permission denied"), "PostgreSQL refuses: permission denied"),
        (ServiceEnded("hold-service api ended"), "hold-service api ended"),
        (ExceptionGroup("roles", [ExceptionGroup("inner", [CannotListen("taken")])]), "taken"),
        (KeyError("nobody thought of it"), "This should not have happened (KeyError: 'nobody thought of it')"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_goes_wrong_is_one_sentence(
    error: Exception, says: str, holdfast: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(coroutine: Coroutine[Any, Any, Any]) -> None:
        coroutine.close()
        raise error

    monkeypatch.setattr("holdfast.cli.services.run", fails)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = holdfast("topics", HOLDFAST_BUS_URL="postgresql://localhost/bus")
    assert done.returncode == 1
    assert done.stderr.startswith("holdfast: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    traces = [path.read_text() for path in tmp_path.glob("holdfast-*.trace")]
    assert [type(error).__name__ in text for text in traces] == ([True] if isinstance(error, KeyError) else [])


@pytest.mark.parametrize("service", [*MODULES, INGEST])
def test_a_service_collects_garbage_by_the_batch(
    service: str, holdfast: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int, int]] = []

    def note(coroutine: Coroutine[Any, Any, Any]) -> None:
        coroutine.close()
        seen.append(gc.get_threshold())

    before = gc.get_threshold()
    monkeypatch.setattr("holdfast.cli.services.run", note)
    try:
        assert holdfast("run", service).returncode == 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
    assert seen == [(YOUNG, MIDDLE, OLD)]


def test_generate_writes_the_same_file_for_the_same_seed(holdfast: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        out = str(tmp_path / name)
        done = holdfast("erp", "generate", "--seed", "5", "--events", "1000", "--days", "40", "--out", out)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_token_is_printed_and_nothing_else(holdfast: Command) -> None:
    done = holdfast("token", "--role", "see", "--company", "DE01")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)


def test_it_is_installed_as_holdfast() -> None:
    program = Path(sys.executable).with_name("holdfast")
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "credit and collections" in done.stdout
