"""Facts about settlements: payments with their applications, settlements of their own, reversals."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from holdfast.bus.envelope import Incoming
from holdfast.contracts.erp_receivables import PaymentPosted, SettlementPosted, SettlementReversed
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.documents import PAYMENT, Key, touch_documents, touch_stubs, upsert_documents
from holdfast.receivables.money import total
from holdfast.receivables.upserts import Fact, Row, upsert

SETTLEMENT = Fact(
    SettlementPosted.event_type, "settlement",
    {"company": "text", "settlement": "text", "origin": "text"}, "version",
    {"debit_document": "text", "credit_document": "text", "debit_amount": "numeric",
     "credit_amount": "numeric", "settlement_date": "date"},
    former={"former_debit": "debit_document", "former_credit": "credit_document"},
    returning=("debit_document", "credit_document", "former_debit", "former_credit"),
)  # fmt: skip
REVERSAL = Fact(
    SettlementReversed.event_type, "settlement_reversal", {"company": "text", "settlement": "text"},
    "version", {"reversal_date": "date"},
)  # fmt: skip
FORGET_APPLICATIONS = """
DELETE FROM settlement WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM unnest($1::text[], $2::text[]) AS t(company, document)
    CROSS JOIN LATERAL (
        SELECT ctid FROM settlement
        WHERE company = t.company AND origin = t.document AND origin <> '' OFFSET 0) s))
RETURNING company, debit_document
"""
APPLY = """
INSERT INTO settlement (company, settlement, origin, version, debit_document, credit_document, debit_amount,
                        credit_amount, settlement_date)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::numeric[],
                     $8::numeric[], $9::date[])
"""
SETTLED = """
SELECT t.company, s.debit_document, s.credit_document
FROM unnest($1::text[], $2::text[]) AS t(company, settlement)
CROSS JOIN LATERAL (
    SELECT debit_document, credit_document FROM settlement
    WHERE company = t.company AND settlement = t.settlement OFFSET 0) s
"""


async def apply_payments(work: Work, events: Sequence[Incoming[PaymentPosted]]) -> None:
    """Keep the newest state of each payment; its applications replace those of the older state."""
    newest: dict[Key, PaymentPosted] = {}
    for p in sorted((event.payload for event in events), key=lambda payload: payload.version):
        newest[p.company, p.document] = p
    rows = [
        (
            p.company, p.document, p.version, p.customer, "payment", p.currency, p.amount, p.document_date,
            None, None, None, total(part.amount for part in p.applications) - p.amount,
        )
        for p in newest.values()
    ]  # fmt: skip
    applied = await upsert_documents(work, PAYMENT, rows)
    await touch_documents(work, applied)
    await _replace_applications(work, applied, newest)


async def apply_settlements(work: Work, events: Sequence[Incoming[SettlementPosted]]) -> None:
    """Keep the newest state of each settlement; it counts for each of its documents once that is known."""
    rows = [
        (
            p.company, p.settlement, "", p.version, p.debit_document, p.credit_document, p.debit_amount,
            p.credit_amount, p.settlement_date,
        )
        for p in (event.payload for event in events)
    ]  # fmt: skip
    applied = await upsert(work, SETTLEMENT, rows)
    names = ("debit_document", "credit_document", "former_debit", "former_credit")
    found = {(row["company"], row[name]) for row in applied for name in names if row[name]}
    numbers = [(row["company"], row["settlement"]) for row in applied]
    await touch_stubs(work, found | await _settled(work, numbers))


async def apply_reversals(work: Work, events: Sequence[Incoming[SettlementReversed]]) -> None:
    """Keep from when on a settlement is taken back; known before the settlement, it waits for it."""
    rows = [(p.company, p.settlement, p.version, p.reversal_date) for p in (e.payload for e in events)]
    applied = await upsert(work, REVERSAL, rows)
    await touch_stubs(work, await _settled(work, [(row["company"], row["settlement"]) for row in applied]))


async def _settled(work: Work, numbers: Collection[Key]) -> set[Key]:
    """The documents of all settlements of these numbers, applications included."""
    if not numbers:
        return set()
    rows = await work.conn.fetch(SETTLED, *columns(numbers))
    return {(row["company"], row[name]) for row in rows for name in ("debit_document", "credit_document")}


async def _replace_applications(
    work: Work, applied: Sequence[asyncpg.Record], newest: dict[Key, PaymentPosted]
) -> None:
    found: set[Key] = set()
    known = [(row["company"], row["document"]) for row in applied if row["former_customer"]]
    if known:
        rows = await work.conn.fetch(FORGET_APPLICATIONS, *columns(known))
        found |= {(row["company"], row["debit_document"]) for row in rows}
    rows_of = (_applications(newest[row["company"], row["document"]]) for row in applied)
    applications = [row for rows in rows_of for row in rows]
    if applications:
        await work.conn.execute(APPLY, *columns(sorted(applications)))
        found |= {(row[0], document) for row in applications for document in row[4:6]}
    await touch_stubs(work, found)


def _applications(payment: PaymentPosted) -> list[Row]:
    return [
        (
            payment.company, part.settlement or f"{payment.document}/{part.document}", payment.document,
            payment.version, part.document, payment.document,
            part.amount if part.document_amount is None else part.document_amount,
            part.amount, part.date_applied or payment.document_date,
        )
        for part in payment.applications
    ]  # fmt: skip
