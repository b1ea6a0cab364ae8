"""credit-service beside the system that a runbook is tried on: it compares the ERP's control totals with its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from tests.faults.system import System
from tests.oracle.decisions import Party
from tests.oracle.trade import COMPANY, event
from tests.runbooks.pages import route

from credit_service.app import MIGRATIONS
from holdfast.testing.children import running
from holdfast.testing.databases import Databases
from holdfast.testing.waiting import eventually

CREDIT = "credit-service"
AS_OF = date(2026, 3, 31)


async def with_credit_service(system: System, databases: Databases) -> None:
    """Give the system a database of credit-service too."""
    system.credit_database = await databases(MIGRATIONS)


@asynccontextmanager
async def credit_worker(system: System) -> AsyncIterator[None]:
    """A worker of credit-service for the length of a block."""
    env = system.environment()
    async with running("-m", "holdfast.cli", "run", CREDIT, "worker", env=env) as child:
        await eventually(lambda: "roles_started" in child.output, 30)
        yield
        assert await child.stop() == 0


async def ties_out(system: System, page: str) -> None:
    """The ERP reports its control totals, and the route that the page names finds no difference."""
    parties = sorted(system.oracle.books)
    await system.say([_reported(system, party) for party in parties], to_oracle=False)
    async with credit_worker(system), system.api(CREDIT) as api:

        async def agrees() -> bool:
            found = (await api.client.get(route(page, COMPANY=COMPANY))).json()
            reported = [item for item in found["items"] if item["reported"] is not None]
            assert len(reported) >= len([p for p in parties if system.oracle.book(*p).balances(*p)]) > 0
            assert found["differences"] == 0, [item for item in found["items"] if not item["agrees"]]
            return True

        await eventually(agrees, 60)


def _reported(system: System, party: Party) -> Any:
    """What the ERP's ledger says is open: the oracle's."""
    book, counts = system.oracle.book(*party), dict[str, list[int]]()
    for number, amount in book.open_items(*party).items():
        counted = counts.setdefault(book.facts["document"][party[0], number].currency, [0, 0])
        counted[amount < 0] += 1
    totals = [
        {"currency": code, "balance": _text(amount), "open_debits": counts[code][0], "open_credits": counts[code][1]}
        for code, amount in book.balances(*party).items()
    ]
    return event(
        "erp.balance.reported.v1", party[1], company=party[0], as_of=AS_OF.isoformat(), version=20260331, totals=totals
    )


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
