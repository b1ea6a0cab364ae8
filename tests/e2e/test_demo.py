"""The demo starts, ends, is broken off and goes on as the README says; its three lines do what they announce."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.e2e.demo import decided, demo, nothing_is_left, played, result, says, workers
from tests.e2e.test_credit_readme import as_told as credit_walk
from tests.e2e.test_hold_service_walk import as_told as hold_walk
from tests.e2e.walking import TIMES, walked

from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.processes import is_alive, stop_process
from holdfast.platform.settings import read_stack
from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.timeout(600)
README = Path(__file__).resolve().parents[2] / "README.md"
LAST_LINE = "# and the order is released by itself"


async def test_its_printed_lines_hold_an_order_pay_and_release_it(server_folder: Path) -> None:
    async with demo(server_folder) as child:
        await says(child, LAST_LINE)
        await eventually(lambda: child.output.endswith("\n") and child.output.count("curl -s") == 3, 30)
        lines = child.output.splitlines()
        token = next(line for line in lines if line.startswith("TOKEN="))
        check, pay, look = (line for line in lines if "curl -s" in line)

        held = await shell(token, check)
        assert held["outcome"] == "held", held
        assert held["reasons"] == ["credit_exceeded"]
        taken = await shell(token, pay)
        assert taken["status"] == 202, taken

        async def released() -> bool:
            found = await shell(token, look)
            return any(h["hold"] == held["hold"] and h["closed_as"] == "released" for h in found["items"])

        await eventually(released, 30)
        child.send(signal.SIGINT)
        assert await child.wait() == 0, child.output
    assert "Traceback" not in child.output
    await nothing_is_left(server_folder, [])


async def test_the_walks_of_the_pages_one_after_the_other_and_each_twice(server_folder: Path) -> None:
    async with demo(server_folder) as child:
        await says(child, LAST_LINE)
        given = [line for line in child.output.splitlines() if re.match(r"(INGEST|CREDIT|HOLD|TOKEN)=", line)]
        assert len(given) == 4
        environment = as_typed(given) | {"HOLDFAST_DATA_DIR": str(server_folder)}
        await a_person_releases(given)
        for run in ("1001", "1002"):
            await the_walk_of_the_readme(server_folder, given, run)
        for _ in range(TIMES):
            hold_walk(await walked("hold-service", environment))
        for _ in range(TIMES):
            credit_walk(await walked("credit-service", environment))


def as_typed(given: list[str]) -> dict[str, str]:
    """The environment of a shell into which the lines of the demo were copied."""
    named = dict(line.split("=", 1) for line in given)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"PATH": path} | {name: value.strip("'\"") for name, value in named.items()}


async def a_person_releases(given: list[str]) -> None:
    """One of the demo's held orders, for one of the reasons that its company has."""
    get = 'curl -s -H "Authorization: Bearer $TOKEN"'
    (hold,) = (await shell(*given, f'{get} "$HOLD/v1/holds?active=true&limit=1"'))["items"]
    reasons = (await shell(*given, f'{get} "$HOLD/v1/reasons/{hold["company"]}"'))["items"]
    assert {reason["type"] for reason in reasons} == {"hold", "release"}
    reason = next(reason["id"] for reason in reasons if reason["type"] == "release")
    headers = "-H 'Content-Type: application/json' -H 'If-Match: *' -H 'Idempotency-Key: by-hand'"
    body = json.dumps({"reason": reason})
    done = await shell(*given, f"""{get} "$HOLD/v1/holds/{hold["hold"]}/release" {headers} -d '{body}'""")
    assert (done["closed_as"], done["closed_by"], done["release_reason"]) == ("released", "demo", reason), done


async def the_walk_of_the_readme(folder: Path, given: list[str], run: str) -> None:
    """An order is held, its invoice is paid over HTTP, the order is released by itself."""
    walk = re.search(r"### A walk\n.*?```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert walk is not None
    # Where a person waits a second, the test waits for what the second is for.
    helpers, begin = walk[1].split("# a customer", 1)
    begin, owes, ask, look = begin.split("sleep 1\n")
    given = [*given, helpers.replace("RUN=$(date +%s)", f"RUN={run}")]
    customer = await shell(*given, f"# a customer{begin}")

    async def limited() -> list[dict[str, Any]] | None:
        profile, invoice = map(json.loads, (await printed(*given, owes)).splitlines())
        return [profile, invoice] if "credit_limit" in profile else None

    profile, invoice = await eventually(limited, 30)
    assert profile["credit_limit"] == {"amount": "1000.00", "currency": "EUR"}
    await known_to_hold_service(folder, f"WALK-{run}", 1000, 800)
    held, payment = map(json.loads, (await printed(*given, ask)).splitlines())
    assert (held["outcome"], held["reasons"]) == ("held", ["credit_exceeded"]), held
    assert [event["status"] for event in (customer, invoice, payment)] == [202, 202, 202]

    async def released() -> bool:
        found = (await shell(*given, look))["items"]
        return [(h["hold"], h["closed_as"], h["triggers"]) for h in found] == [
            (held["hold"], "released", [f"WALK-PAY-{run}"])
        ]

    await eventually(released, 30)


async def test_broken_off_it_starts_afresh_and_a_second_start_finds_its_data(server_folder: Path) -> None:
    async with demo(server_folder, "--exit", "--workers", "1") as child:
        await says(child, "replaying")
        await decided(server_folder, 20)
        pids = workers(child, "hold-service") + workers(child, "credit-service")
        assert len(pids) == 2
        await child.kill()
    await nothing_is_left(server_folder, pids)
    afresh = await played(server_folder)
    tells_all(afresh)
    assert "an earlier replay (seed 1, 657 events) did not come to its end; starting afresh" in afresh
    again = await played(server_folder)
    assert "found the data of an earlier replay" in again
    assert result(again) == result(afresh)
    other = await played(server_folder, "--fresh", "--seed", "2")
    assert "found" not in other
    assert result(other) != result(afresh)


async def test_data_of_another_version_is_refused_in_one_sentence(server_folder: Path) -> None:
    await played(server_folder)
    postgres = PostgresServer(server_folder)
    await asyncio.to_thread(postgres.start)
    connection = await asyncpg.connect(read_stack(server_folder)["hold_database_url"])
    await connection.execute("UPDATE migration_script SET digest = 'another' || digest")
    await connection.close()
    await asyncio.to_thread(postgres.stop)
    async with demo(server_folder, "--exit") as child:
        assert await child.wait() == 1
    said = [line for line in child.output.splitlines() if line.startswith("holdfast: ")]
    assert len(said) == 1, child.output
    assert "make demo FRESH=1" in said[0]
    assert "Traceback" not in child.output
    await nothing_is_left(server_folder, [])


@pytest.mark.parametrize("moment", ["starting PostgreSQL", "replaying"])
async def test_ctrl_c_ends_it_cleanly(moment: str, server_folder: Path) -> None:
    async with demo(server_folder, "--workers", "2") as child:
        await says(child, moment)
        if moment == "replaying":
            await decided(server_folder, 5)
        pids = workers(child, "hold-service") + workers(child, "credit-service")
        child.send(signal.SIGINT)
        assert await child.wait() == 130, child.output
    assert "Traceback" not in child.output
    assert not any(map(is_alive, pids))
    assert PostgresServer(server_folder).pid is None


async def test_a_database_that_dies_ends_it_with_a_sentence(server_folder: Path) -> None:
    async with demo(server_folder, "--exit") as child:
        await says(child, "replaying")
        await decided(server_folder, 5)
        await asyncio.to_thread(PostgresServer(server_folder).kill)
        assert await child.wait() == 1, child.output
    assert "Traceback" not in child.output
    assert child.output.splitlines()[-1].startswith("holdfast: PostgreSQL has ended though nobody stopped it")


@pytest.mark.fault
async def test_workers_killed_at_random_moments_change_nothing(server_folder: Path) -> None:
    undisturbed, chance = await played(server_folder), random.Random(3)
    async with demo(server_folder, "--exit", "--fresh", "--workers", "3") as child:
        await says(child, "replaying")
        for turn in range(1, 5):
            await decided(server_folder, 25 * turn + chance.randrange(20))
            running = workers(child, "hold-service")
            assert running
            stop_process(chance.choice(running), signal.SIGKILL, 5)
        assert await child.wait() == 0, child.output
    assert result(child.output) == result(undisturbed)


@pytest.mark.kafka
async def test_both_transports_give_the_same_year(server_folder: Path) -> None:
    embedded = await played(server_folder)
    assert result(await played(server_folder, "--bus", "kafka", "--workers", "2")) == result(embedded)


def tells_all(output: str) -> None:
    """The summary: rate, checks, reasons, an explanation, releases, credit beside the limits, totals that tie out."""
    for pattern in (
        r"^2025-01-01 to 2025-03-01: \d+ events in [\d.]+ s \(\d+ a second\)$",
        r"^Checked: \d+ orders in \d+ requests: \d+ cleared, \d+ held$",
        r"^ +\d+  credit_exceeded$",
        r"^Why one of them is held \(GET /v1/decisions/[0-9a-f-]{36} of hold-service\):\n  Order SO-\d+ of customer C-",
        r"^  To pass: ",
        r"^  \w+ SO-\d+ of C-\d+: held 2025-\S+, released 2025-\S+ after PAY-\d+",
        r"^  credit group NORTH: C-\d+ of DE01 and C-\d+ of US01 share \d+\.00 EUR$",
        r"^  policies: (\d+ guarantees, )?\d+ insurances$",
        r"^  risk classes: \d+ (HIGH|LOW|MEDIUM|unclassified)",
        r"^  hold-service    DE01 EUR .* ties out$",
        r"^  credit-service  DE01 EUR .* ties out$",
    ):
        assert re.search(pattern, output, re.MULTILINE), f"{pattern}\n{output}"
    assert "technical_error" not in output, "no event may end in the dead letters"
    nearest = output.partition("Nearest to their limit:\n")[2].partition("Control totals")[0]
    assert len(nearest.splitlines()) == 10


async def known_to_hold_service(folder: Path, customer: str, limit: int, balance: int) -> None:
    """Wait until hold-service knows the limit and the balance of a customer."""
    connection = await asyncpg.connect(read_stack(folder)["hold_database_url"])
    query = """SELECT (SELECT sum(balance) FROM balance WHERE customer = $1) = $3
                  AND (SELECT credit_limit FROM profile WHERE customer = $1) = $2"""
    try:
        await eventually(lambda: connection.fetchval(query, customer, limit, balance), 30)
    finally:
        await connection.close()


async def shell(*lines: str) -> Any:
    """What these lines print when they are typed into a shell, as JSON."""
    return json.loads(await printed(*lines))


async def printed(*lines: str) -> str:
    """What these lines print when they are typed into a shell."""
    process = await asyncio.create_subprocess_exec(
        "sh", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, wrong = await process.communicate("\n".join(lines).encode())
    assert process.returncode == 0, wrong.decode()
    return said.decode()
