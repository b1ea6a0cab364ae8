"""The SQL of what credits and settlements come to, before and after a newer version of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hold_service.checkpoints.store import Gone
from holdfast.database.bulk import columns
from holdfast.database.work import Work

Worth = dict[tuple[str, str], dict[tuple[str, ...], Decimal]]
"""By company and number: what it does for whom or for which debit, and how much of it, in that one's currency."""

OF_CREDITS = """
SELECT g.company, g.number, e.part, e.amount FROM unnest($1::text[], $2::text[]) AS g (company, number)
CROSS JOIN LATERAL (
    SELECT d.customer, d.currency, d.amount, d.company, d.is_debit FROM document d
    WHERE d.document = g.number AND d.version IS NOT NULL OFFSET 0) d
CROSS JOIN LATERAL (
    SELECT ARRAY['credit', d.customer, d.currency] AS part, d.amount
    UNION ALL
    SELECT ARRAY['applied', s.debit_document], sum(s.debit_amount) FROM (
        SELECT s.company, s.debit_document, s.debit_amount FROM settlement s
        WHERE s.origin = g.number AND s.origin <> '' OFFSET 0) s
    WHERE s.company = g.company GROUP BY s.debit_document) e
WHERE d.company = g.company AND NOT d.is_debit
"""
"""The company is compared afterwards: asked for with the number it might be looked up alone, in another index."""
OF_SETTLEMENTS = """
SELECT g.company, g.number, s.part, s.amount FROM unnest($1::text[], $2::text[]) AS g (company, number)
CROSS JOIN LATERAL (
    SELECT ARRAY['settled', s.debit_document, s.credit_document] AS part, s.debit_amount AS amount FROM settlement s
    WHERE s.settlement = g.number AND s.company = g.company ORDER BY s.origin LIMIT 1) s
"""
"""One posted by itself, whose origin is empty, replaces the application of that number."""


async def of_credits(work: Work, named: Gone) -> Worth:
    """Payments and credit notes that are known: whose they are, and what they are applied to."""
    return await _worth(work, OF_CREDITS, named)


async def of_settlements(work: Work, named: Gone) -> Worth:
    """Settlements that are known."""
    return await _worth(work, OF_SETTLEMENTS, named)


async def _worth(work: Work, statement: str, named: Gone) -> Worth:
    found: Worth = {}
    for row in await work.conn.fetch(statement, *columns(sorted(named), 2)):
        found.setdefault((row["company"], row["number"]), {})[tuple(row["part"])] = row["amount"]
    return found


def lessened(before: Mapping[tuple[str, str], Mapping[tuple[str, ...], Decimal]], after: Worth) -> Gone:
    """Those that do less than before for anybody or anything."""
    return {
        name
        for name, parts in before.items()
        if any(after.get(name, {}).get(part, Decimal(0)) < amount for part, amount in parts.items())
    }
