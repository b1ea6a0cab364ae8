"""Two years of real invoices, replayed by the command: on any date the balances, overdue totals and days late of every
customer are what plain arithmetic over the file says."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from holdfast.database.pool import create_pool
from holdfast.database.work import transaction
from holdfast.erp.formats.ibm_late_payments import CURRENCY, Row, read
from holdfast.platform.local import LocalServices
from holdfast.platform.services import MODULES
from holdfast.platform.settings import load_settings
from holdfast.platform.stack import Stack
from holdfast.receivables.as_of import read_balances_as_of, read_lateness_as_of, read_open_items_as_of
from holdfast.testing.children import running
from holdfast.testing.histories import FILE, needs_histories
from holdfast.testing.waiting import eventually
from holdfast.web.auth import issue_token

pytestmark = [pytest.mark.timeout(900), needs_histories]
FIRST_QUARTER = date(2012, 3, 31)
DRAWN, ROWS_FOR_BOUNDARIES, OVER_HTTP = 16, 5, 6
Figures = dict[str, Any]
"""By customer: balance, overdue total, most days overdue, open items; documents paid, days late in sum and at most."""


def figures(rows: Sequence[Row], on: date) -> Figures:
    """The plain computation over the rows of one company."""
    of_customer: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.invoiced <= on:
            of_customer[row.customer].append(row)
    return {customer: _of_one(mine, on) for customer, mine in of_customer.items()}


def _of_one(rows: Sequence[Row], on: date) -> tuple[Any, ...]:
    waiting, paid = [r for r in rows if r.settled > on], [r for r in rows if r.settled <= on]
    overdue = [r for r in waiting if r.due < on]
    late = [max(0, (r.settled - r.due).days) for r in paid]
    return (
        _sum(waiting), _sum(overdue), max(((on - r.due).days for r in overdue), default=0),
        {r.number: (r.amount, max(0, (on - r.due).days)) for r in waiting}, len(paid), sum(late), max(late, default=0),
    )  # fmt: skip


def _sum(rows: Iterable[Row]) -> Decimal:
    return sum((row.amount for row in rows), Decimal(0))


def looks(rows: Sequence[Row]) -> list[date]:
    """Days to look at: drawn over the whole time, and around what happens to some of the invoices."""
    chance = random.Random(20)
    first, last = min(r.invoiced for r in rows), max(r.settled for r in rows)
    found = {first - timedelta(days=1), first, last - timedelta(days=1), last, last + timedelta(days=400)}
    found |= {first + timedelta(days=chance.randrange((last - first).days)) for _ in range(DRAWN)}
    for row in chance.sample(list(rows), ROWS_FOR_BOUNDARIES):
        for day in (row.invoiced, row.due, row.settled):
            found |= {day - timedelta(days=1), day, day + timedelta(days=1)}
    return sorted(found)


async def from_tables(pool: asyncpg.Pool, company: str, on: date) -> Figures:
    """What a service knows."""
    async with transaction(pool) as work:
        balances = {b.customer: b for b in await read_balances_as_of(work, company, on)}
        lateness = {late.customer: late for late in await read_lateness_as_of(work, company, on)}
        items: dict[str, dict[str, tuple[Decimal, int]]] = defaultdict(dict)
        for item in await read_open_items_as_of(work, company, on):
            items[item.customer][item.document] = item.open_amount, item.days_overdue
    found: Figures = {}
    for customer in balances.keys() | lateness.keys():
        b, late = balances.get(customer), lateness.get(customer)
        assert b is None or (b.currency, b.open_items) == (CURRENCY, len(items[customer]))
        found[customer] = (
            *((b.balance, b.overdue, b.days_overdue) if b else (Decimal(0), Decimal(0), 0)), items[customer],
            *((late.paid, late.days_late, late.worst) if late else (0, 0, 0)),
        )  # fmt: skip
    return found


async def over_http(client: httpx.AsyncClient, company: str, on: date) -> Figures:
    """What the API shows a person; without the items."""
    answer = await client.get("/v1/balances", params={"company": company, "as_of": on.isoformat(), "limit": "500"})
    assert (answer.status_code, answer.json()["next_cursor"]) == (200, None)
    return {item["customer"]: _shown(item) for item in answer.json()["items"]}


def _shown(item: dict[str, Any]) -> tuple[Any, ...]:
    (found,) = item["balances"] or [None]
    amounts = (
        (Decimal(found["balance"]["amount"]), Decimal(found["overdue_amount"]["amount"]), found["days_overdue"])
        if found else (Decimal(0), Decimal(0), 0)
    )  # fmt: skip
    return *amounts, item["paid"], item["days_late"], item["most_days_late"]


@asynccontextmanager
async def replayed(file: Path, folder: Path) -> AsyncIterator[tuple[dict[str, asyncpg.Pool], httpx.AsyncClient]]:
    """The stack that `holdfast erp replay` leaves, with the databases of the services and the API of credit-service."""
    env = {"HOLDFAST_DATA_DIR": str(folder), "HOLDFAST_POSTGRES_URL": "", "HOLDFAST_BUS": ""}
    command = ("erp", "replay", "--format", "ibm-late-payments", str(file), "--exit")
    async with running("-m", "holdfast.cli", *command, env=env) as child:
        assert await child.wait() == 0, child.output
    stack = Stack(load_settings(data_dir=folder, postgres_url=None), "postgres")
    services = LocalServices(stack, 0, folder / "look.log")
    try:
        await stack.start()
        services.start_apis()
        settings = stack.settings("credit-service")
        pools = {name: await create_pool(settings.database_url(name), application_name="test") for name in MODULES}
        headers = {"authorization": f"Bearer {issue_token(settings, 'kim', ['see'])}"}
        async with httpx.AsyncClient(base_url=stack.address("credit-service"), headers=headers) as client:
            yield pools, client
        for pool in pools.values():
            await pool.close()
    finally:
        await services.stop()
        await stack.stop()


async def compared(file: Path, folder: Path) -> int:
    """Replays a file and compares every figure of every customer; answers how many were compared."""
    by_company: dict[str, list[Row]] = defaultdict(list)
    for row in read(file):
        by_company[row.company].append(row)
    seen = 0
    async with replayed(file, folder) as (pools, client):
        await eventually(lambda: answers(client), 30)
        for company, rows in by_company.items():
            for place, on in enumerate(days := looks(rows)):
                wanted = figures(rows, on)
                for service, pool in pools.items():
                    assert await from_tables(pool, company, on) == wanted, (service, company, on)
                if place % (len(days) // OVER_HTTP) == 0:
                    shown = {c: (*found[:3], *found[4:]) for c, found in wanted.items()}
                    assert await over_http(client, company, on) == shown, (company, on)
                seen += len(wanted)
            assert days_late_of_the_file(file, company) == {c: f[5] for c, f in figures(rows, date.max).items()}
    return seen


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def days_late_of_the_file(file: Path, company: str) -> dict[str, int]:
    """The file's own answer at the end of all dates."""
    found: dict[str, int] = defaultdict(int)
    with file.open(newline="", encoding="utf-8-sig") as handle:
        for row in csv.DictReader(handle):
            if row["countryCode"] == company:
                found[row["customerID"]] += int(row["DaysLate"])
    return found


def first_part(target: Path, until: date) -> Path:
    """The file without invoices after a day."""
    kept = {row.number for row in read(FILE) if row.invoiced <= until}
    with FILE.open(newline="", encoding="utf-8-sig") as handle, target.open("w", newline="") as out:
        reader = csv.DictReader(handle)
        writer = csv.DictWriter(out, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(row for row in reader if row["invoiceNumber"] in kept)
    return target


async def test_the_first_quarter_of_real_histories(server_folder: Path, tmp_path: Path) -> None:
    assert await compared(first_part(tmp_path / "part.csv", FIRST_QUARTER), server_folder) > 3_000


@pytest.mark.soak
async def test_all_of_the_real_histories(server_folder: Path) -> None:
    assert await compared(FILE, server_folder) > 10_000
