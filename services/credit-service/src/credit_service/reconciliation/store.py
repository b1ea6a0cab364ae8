"""The SQL of the comparison with the ERP's control totals, and of its findings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service.reconciliation.model import Compared
from holdfast.database.bulk import columns
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.as_of import OpenItem, read_balances_as_of, read_open_items_as_of

REPORTS = """
SELECT r.customer, r.as_of, r.version, r.totals FROM unnest($2::text[]) AS w (customer)
JOIN reported_balance r ON r.customer = w.customer AND r.company = $1
"""
BALANCES = """
SELECT b.customer, b.currency, b.balance FROM unnest($2::text[]) AS w (customer)
JOIN balance b ON b.customer = w.customer AND b.company = $1 WHERE b.balance <> 0
"""
OPEN = """
INSERT INTO reconciliation_finding AS f (company, customer, currency, as_of, report_version, reported, computed,
                                         documents, found_at)
SELECT $1, w.customer, w.currency, w.as_of, w.version, w.reported, w.computed, w.documents::jsonb, $2
FROM unnest($3::text[], $4::text[], $5::date[], $6::bigint[], $7::numeric[], $8::numeric[], $9::text[])
     AS w (customer, currency, as_of, version, reported, computed, documents)
ON CONFLICT (customer, company, currency) WHERE closed_at IS NULL DO UPDATE
SET as_of = excluded.as_of, report_version = excluded.report_version, reported = excluded.reported,
    computed = excluded.computed, documents = excluded.documents, found_at = excluded.found_at
WHERE (f.report_version, f.reported, f.computed) IS DISTINCT FROM (excluded.report_version, excluded.reported,
                                                                   excluded.computed)
RETURNING customer, currency
"""
"""A finding that stands as it was is told once."""
CLOSE = """
UPDATE reconciliation_finding f SET closed_at = $2
FROM unnest($3::text[]) AS w (customer)
WHERE f.customer = w.customer AND f.company = $1 AND f.closed_at IS NULL
  AND (f.customer, f.currency) NOT IN (SELECT * FROM unnest($4::text[], $5::text[]))
"""
PAGE = """
SELECT * FROM reconciliation_finding
WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
  AND ($3::text IS NULL OR customer = $3) AND ($4 OR closed_at IS NULL) AND ($5::bigint IS NULL OR id < $5)
ORDER BY id DESC LIMIT $6
"""


async def compare(work: Work, company: str, customers: Collection[str]) -> list[Compared]:
    """Reported and computed balances of customers, by customer and currency."""
    reports = {row["customer"]: row for row in await work.conn.fetch(REPORTS, company, sorted(customers))}
    computed = await _computed(work, company, customers, reports)
    found = []
    for customer in sorted(customers):
        report = reports.get(customer)
        totals = {t["currency"]: Decimal(t["balance"]) for t in report["totals"]} if report else {}
        ours = computed.get(customer, {})
        as_of, version = (report["as_of"], report["version"]) if report else (None, 0)
        found += [
            Compared(customer, code, as_of, version, totals.get(code), ours.get(code, Decimal(0)))
            for code in sorted({*totals, *ours})
        ]
    return found


async def _computed(
    work: Work, company: str, customers: Collection[str], reports: dict[str, asyncpg.Record]
) -> dict[str, dict[str, Decimal]]:
    """By customer and currency: what was owed at the end of the day that the ERP speaks of, else what is owed now."""
    found: dict[str, dict[str, Decimal]] = {}
    for on, names in _by_day(reports.values()).items():
        for owed in await read_balances_as_of(work, company, on, names):
            found.setdefault(owed.customer, {})[owed.currency] = owed.balance
    unreported = sorted(set(customers) - set(reports))
    for row in await work.conn.fetch(BALANCES, company, unreported):
        found.setdefault(row["customer"], {})[row["currency"]] = row["balance"]
    return found


def _by_day(reports: Collection[asyncpg.Record]) -> dict[date, list[str]]:
    found: dict[date, list[str]] = {}
    for report in reports:
        found.setdefault(report["as_of"], []).append(report["customer"])
    return found


async def open_items(work: Work, company: str, differing: Sequence[Compared]) -> dict[tuple[str, str], list[OpenItem]]:
    """What we had open at the end of the day that the ERP speaks of, by customer and currency."""
    days: dict[date, set[str]] = {}
    for one in differing:
        if one.as_of is not None:
            days.setdefault(one.as_of, set()).add(one.customer)
    found: dict[tuple[str, str], list[OpenItem]] = {}
    for on, names in days.items():
        for item in await read_open_items_as_of(work, company, on, names):
            found.setdefault((item.customer, item.currency), []).append(item)
    return found


async def keep_findings(
    work: Work, company: str, differing: Sequence[tuple[Compared, list[dict[str, Any]]]]
) -> set[tuple[str, str]]:
    """Open findings with our documents, or bring them up to date; answers (customer, currency) of what is new."""
    given = [
        (c.customer, c.currency, c.as_of, c.version, c.reported, c.computed, to_json(items)) for c, items in differing
    ]
    rows = await work.conn.fetch(OPEN, company, work.business_now, *columns(given, 7))
    return {(row["customer"], row["currency"]) for row in rows}


async def close_findings(work: Work, company: str, customers: Collection[str], differing: Sequence[Compared]) -> None:
    """Close the findings of these customers that are not among those that differ."""
    still = columns([(c.customer, c.currency) for c in differing], 2)
    await work.conn.execute(CLOSE, company, work.business_now, sorted(customers), *still)


async def page_of_findings(
    work: Work, companies: list[str] | None, company: str | None, customer: str | None, closed: bool,
    before: int | None, limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """Findings, the newest first: the open ones, or (`closed`) all of them."""
    rows: list[asyncpg.Record] = await work.conn.fetch(PAGE, companies, company, customer, closed, before, limit)
    return rows
