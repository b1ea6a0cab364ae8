"""Facts about ledger documents: invoices, credit notes, and the notices about any document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

import asyncpg

from holdfast.bus.envelope import Incoming
from holdfast.bus.undigestible import Undigestible
from holdfast.contracts.erp_receivables import (
    CreditNotePosted,
    DocumentCancelled,
    DocumentDisputed,
    DocumentPutOnHold,
    InvoicePosted,
    PaymentPosted,
    PaymentReturned,
)  # fmt: skip
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.accounts import touched
from holdfast.receivables.upserts import Fact, Row, upsert

KEY = {"company": "text", "document": "text"}
Key = tuple[str, str]
INVOICE = Fact(
    InvoicePosted.event_type, "document", KEY, "version",
    {"customer": "text", "kind": "text", "currency": "text", "amount": "numeric", "document_date": "date",
     "due_date": "date", "order_no": "text", "payment_terms": "text"},
    initial={"open_amount": "numeric"},
    former={"former_customer": "customer", "former_order": "order_no"},
    returning=("customer", "former_customer", "order_no", "former_order", "xmax <> 0 AS existed"),
    only="(t.kind IS NULL OR (t.is_debit = (excluded.kind NOT IN ('payment', 'credit_note')) "
         "AND (t.is_debit OR t.kind = excluded.kind)))",
)  # fmt: skip
LEDGER_KINDS = {"payment": "payment", "credit_note": "credit note"}
"""All others are debits: an invoice may become a fee with a higher version."""
KINDS = """
SELECT t.n, d.kind FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(company, document, n)
JOIN document d ON d.company = t.company AND d.document = t.document WHERE d.kind IS NOT NULL
"""
CREDIT_NOTE = replace(INVOICE, event_type=CreditNotePosted.event_type)
PAYMENT = replace(INVOICE, event_type=PaymentPosted.event_type)
CANCELLATION = Fact(
    DocumentCancelled.event_type, "document", KEY, "cancellation_version", {"cancellation_date": "date"},
    returning=("order_no",),
)  # fmt: skip
RETURN = Fact(
    PaymentReturned.event_type, "document", KEY, "return_version", {"return_date": "date"},
    returning=("order_no",),
)  # fmt: skip
DISPUTE = Fact(
    DocumentDisputed.event_type, "document", KEY, "dispute_version",
    {"disputed": "boolean", "dispute_date": "date", "disputed_amount": "numeric"},
)  # fmt: skip
HOLD = Fact(DocumentPutOnHold.event_type, "document", KEY, "hold_version", {"on_hold": "boolean", "hold_date": "date"})

STUBS = """
INSERT INTO document (company, document) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT DO NOTHING
"""
ORDER_STUBS = """
INSERT INTO sales_order (company, order_no) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT DO NOTHING
"""
COUNTERPARTS = """
SELECT DISTINCT t.company, s.document FROM unnest($1::text[], $2::text[]) AS t(company, document)
CROSS JOIN LATERAL (
    SELECT credit_document AS document FROM settlement
    WHERE company = t.company AND debit_document = t.document
    UNION ALL
    SELECT debit_document FROM settlement
    WHERE company = t.company AND credit_document = t.document OFFSET 0) s
"""
SHARED_ORDERS = """
SELECT t.company, s.order_no FROM unnest($1::text[], $2::text[]) AS t(company, document)
CROSS JOIN LATERAL (
    SELECT order_no FROM document_order WHERE company = t.company AND document = t.document OFFSET 0) s
"""
FORGET_SHARES = """
DELETE FROM document_order WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM unnest($1::text[], $2::text[]) AS t(company, document)
    CROSS JOIN LATERAL (
        SELECT ctid FROM document_order WHERE company = t.company AND document = t.document OFFSET 0) s))
RETURNING company, order_no
"""
SHARE = """
INSERT INTO document_order (company, document, order_no, amount)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[])
"""


async def apply_invoices(work: Work, events: Sequence[Incoming[InvoicePosted]]) -> None:
    """Keep the newest state of each invoice, and which orders it bills."""
    payloads = {(e.payload.company, e.payload.document, e.payload.version): e.payload for e in events}
    rows = [
        (
            p.company, p.document, p.version, p.customer, p.kind, p.currency, p.amount, p.document_date,
            p.due_date, p.order, p.payment_terms, p.amount,
        )
        for p in payloads.values()
    ]  # fmt: skip
    applied = await upsert_documents(work, INVOICE, rows)
    newest: dict[Key, InvoicePosted] = {}
    for p in sorted(payloads.values(), key=lambda payload: payload.version):
        newest[p.company, p.document] = p
    await _share(work, applied, newest)
    await touch_documents(work, applied)


async def apply_credit_notes(work: Work, events: Sequence[Incoming[CreditNotePosted]]) -> None:
    """Keep the newest state of each credit note. What an order has been invoiced does not shrink by it."""
    rows = [
        (
            p.company, p.document, p.version, p.customer, "credit_note", p.currency, p.amount,
            p.document_date, None, None, None, -p.amount,
        )
        for p in (event.payload for event in events)
    ]  # fmt: skip
    await touch_documents(work, await upsert_documents(work, CREDIT_NOTE, rows))


async def apply_cancellations(work: Work, events: Sequence[Incoming[DocumentCancelled]]) -> None:
    """Keep from when on a document counts for nothing; known before the document, it waits for it."""
    rows = [(p.company, p.document, p.version, p.cancellation_date) for p in (e.payload for e in events)]
    await _touch_gone(work, await upsert(work, CANCELLATION, rows))


async def apply_returns(work: Work, events: Sequence[Incoming[PaymentReturned]]) -> None:
    """Keep from when on a payment is gone."""
    rows = [(p.company, p.document, p.version, p.return_date) for p in (e.payload for e in events)]
    await _touch_gone(work, await upsert(work, RETURN, rows))


async def apply_disputes(work: Work, events: Sequence[Incoming[DocumentDisputed]]) -> None:
    """Keep whether a document is disputed; it is owed all the same."""
    rows = [
        (p.company, p.document, p.version, p.disputed, p.dispute_date, p.disputed_amount)
        for p in (event.payload for event in events)
    ]
    await upsert(work, DISPUTE, rows)


async def apply_document_holds(work: Work, events: Sequence[Incoming[DocumentPutOnHold]]) -> None:
    """Keep whether a document is kept out of reminders and interest; it is owed all the same."""
    rows = [(p.company, p.document, p.version, p.on_hold, p.hold_date) for p in (event.payload for event in events)]
    await upsert(work, HOLD, rows)


async def upsert_documents(work: Work, fact: Fact, rows: Sequence[Row]) -> list[asyncpg.Record]:
    """As `upsert`. Raises Undigestible for a number that a document of another kind has: taken for a version of it, one
    of them would be lost."""
    applied = await upsert(work, fact, rows)
    done = {(row["company"], row["document"]) for row in applied}
    if others := [row for row in rows if row[:2] not in done]:
        for n, known in await work.conn.fetch(KINDS, *columns([row[:2] for row in others], 2)):
            company, number, _, _, kind, *_ = others[n - 1]
            if _ledger_kind(known) != _ledger_kind(kind):
                raise Undigestible(
                    "document", number, f"the number of a {_ledger_kind(known)} of {company} already",
                    f"Send this {_ledger_kind(kind)} with a number that no document of another kind has, such as one "
                    f"with a prefix for each number series.",
                )  # fmt: skip
    return applied


def _ledger_kind(kind: str) -> str:
    return LEDGER_KINDS.get(kind, "debit")


async def touch_documents(work: Work, applied: Iterable[asyncpg.Record]) -> None:
    """Note whose figures follow from new content: the documents, their orders, their former owners.

    A document that something was known of before also touches what settles it: a notice may have
    come between. Of one that was unknown, its own event said the open amount; nothing else can name it yet.
    """
    state, known, orders = touched(work), [], set()
    for row in applied:
        company = row["company"]
        (state.documents if row["existed"] else state.new).add((company, row["document"]))
        orders |= {(company, number) for number in (row["order_no"], row["former_order"]) if number}
        state.owners |= {(company, name) for name in (row["customer"], row["former_customer"]) if name}
        if row["existed"]:
            known.append((company, row["document"]))
    await touch_orders(work, orders)
    await touch_counterparts(work, known)


async def touch_orders(work: Work, orders: Collection[Key]) -> None:
    """Note orders to recompute; one that is unknown gets a row, on which its own transaction must wait."""
    new = sorted(set(orders) - touched(work).orders)
    if new:
        await work.conn.execute(ORDER_STUBS, *columns(new))
        touched(work).orders.update(new)


async def touch_stubs(work: Work, documents: Collection[Key]) -> None:
    """Note documents that a settlement names; one that is unknown gets a row, as in `touch_orders`."""
    state = touched(work)
    unknown = sorted(set(documents) - state.documents - state.new)
    if unknown:
        await work.conn.execute(STUBS, *columns(unknown))
    state.documents.update(documents)


async def touch_counterparts(work: Work, documents: Collection[Key]) -> None:
    """Note every document that is settled with one of these."""
    if documents:
        rows = await work.conn.fetch(COUNTERPARTS, *columns(sorted(documents)))
        touched(work).documents.update((row["company"], row["document"]) for row in rows)


async def _touch_gone(work: Work, applied: Sequence[asyncpg.Record]) -> None:
    if not applied:
        return
    keys = [(row["company"], row["document"]) for row in applied]
    touched(work).documents.update(keys)
    await touch_counterparts(work, keys)
    orders = {(row["company"], row["order_no"]) for row in applied if row["order_no"]}
    shared = await work.conn.fetch(SHARED_ORDERS, *columns(keys))
    await touch_orders(work, orders | {(row["company"], row["order_no"]) for row in shared})


async def _share(work: Work, applied: Sequence[asyncpg.Record], newest: dict[Key, InvoicePosted]) -> None:
    keys = [(row["company"], row["document"]) for row in applied]
    known = [key for key, row in zip(keys, applied, strict=True) if row["existed"]]
    if known:
        rows = await work.conn.fetch(FORGET_SHARES, *columns(known))
        await touch_orders(work, {(row["company"], row["order_no"]) for row in rows})
    shares = [(*key, order, amount) for key in keys for order, amount in shares_of_orders(newest[key]).items()]
    if shares:
        await work.conn.execute(SHARE, *columns(shares))
        await touch_orders(work, {(company, order) for company, _, order, _ in shares})


def shares_of_orders(invoice: InvoicePosted) -> dict[str, Decimal]:
    """What an invoice bills of each order its lines name, with tax; empty when it names one order itself."""
    shares: dict[str, Decimal] = {}
    if invoice.order is None:
        for line in invoice.lines:
            if line.order is not None:
                amount = line.net_amount + line.tax_amount
                shares[line.order] = shares.get(line.order, Decimal(0)) + amount
    return shares
