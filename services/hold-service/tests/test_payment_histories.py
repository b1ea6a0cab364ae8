"""Two years of real invoices: whether an order would be held for lateness, day by day, as plain arithmetic says."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from holdfast.erp.formats.ibm_late_payments import Row, days_of, read
from holdfast.testing.histories import FILE, needs_histories

LOOKS = (date(2012, 4, 2), date(2012, 9, 17), date(2013, 2, 5), date(2013, 7, 1), date(2013, 11, 29))
MOST_DAYS_LATE = 7
Late = tuple[str, int, Decimal, Decimal]


def expected(rows: list[Row], on: date) -> dict[tuple[str, str], Late]:
    """Customer -> outcome, days and amount overdue, balance; computed from the rows alone."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row.company, row.customer] += [row] if row.invoiced <= on < row.settled else []
    return {party: late(invoices, on) for party, invoices in found.items()}


def late(invoices: list[Row], on: date) -> Late:
    overdue = [row for row in invoices if row.due < on]
    days = max(((on - row.due).days for row in overdue), default=0)
    amount = sum((row.amount for row in overdue), Decimal(0))
    outcome = "held" if days > MOST_DAYS_LATE else "cleared"
    return outcome, days, amount, sum((row.amount for row in invoices), Decimal(0))


async def set_up(hold: Any, companies: set[str]) -> None:
    for company in companies:
        await hold.pool.execute("INSERT INTO checkpoint VALUES ($1, 'confirmation', true, true, 1)", company)
        await hold.pool.execute(
            """INSERT INTO rule (id, company, kind, rule_type, valid_for, value, enabled, version, changed_at)
               VALUES (gen_random_uuid(), $1, 'days_overdue', 'blocking', 'all', $2, true, 1, now())""",
            company, Decimal(MOST_DAYS_LATE),
        )  # fmt: skip


@needs_histories
async def test_lateness_of_real_customers(hold: Any, ask: Any) -> None:
    rows = read(FILE)
    parties = sorted({(row.company, row.customer) for row in rows})
    await set_up(hold, {company for company, _ in parties})
    looks, held = list(LOOKS), 0
    for day in days_of(rows):
        while looks and day.date > looks[0]:
            on = looks.pop(0)
            await hold.today(on.isoformat())
            requests = [
                ask.request(f"{on}-{customer}", "1", company=company, customer=customer, currency="USD")
                for company, customer in parties
            ]
            shown = {
                (a["company"], a["customer"]): (
                    a["outcome"], a["figures"]["days_overdue"], Decimal(a["figures"]["overdue_amount"]),
                    Decimal(a["figures"]["balance"]),
                ) for a in await hold.check(*requests)
            }  # fmt: skip
            assert shown == expected(rows, on), on
            held += sum(outcome == "held" for outcome, *_ in shown.values())
        await hold.facts(*(happening.payload for happening in day.ordered_facts()))
    assert not looks
    assert held > 10
