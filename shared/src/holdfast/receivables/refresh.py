"""Recompute what follows from the facts for whatever a transaction has touched; never increment."""

from __future__ import annotations

from collections.abc import Collection

from holdfast.bus.handlers import MoreParties
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.accounts import Touched, touched
from holdfast.receivables.model import Party

COUNTS = """(SELECT r.version FROM settlement_reversal r
               WHERE r.company = s.company AND r.settlement = s.settlement) IS NULL
          AND (s.origin = '' OR (SELECT o.version FROM settlement o
               WHERE o.company = s.company AND o.settlement = s.settlement AND o.origin = '') IS NULL)"""
"""Whether settlement `s` counts now: not reversed, nor replaced by one of the same number."""

# While tables are new and have no statistics, a join tempts the planner to read whole tables, in a plan that it
# keeps. So: scalar subqueries, OFFSET 0, and ON CONFLICT for rows that exist, all of which go by the key.
# A settlement has no currency of its own and may come before its documents, so what is left open is rounded here: a
# residue below the minor unit would be overdue for ever.
DOCUMENTS = """
WITH figures AS (
    SELECT d.company, d.document, d.customer, d.open_amount AS known,
           CASE WHEN d.version IS NULL OR d.gone_date IS NOT NULL THEN 0
                ELSE round(CASE WHEN d.is_debit THEN d.amount ELSE -d.amount END
                           - coalesce(paid.amount, 0) + coalesce(used.amount, 0), minor_units(d.currency))
                END AS open_amount
    FROM unnest($1::text[], $2::text[]) AS t(company, document)
    CROSS JOIN LATERAL (
        SELECT * FROM document d WHERE d.company = t.company AND d.document = t.document OFFSET 0) d
    CROSS JOIN LATERAL (
        SELECT sum(s.debit_amount) AS amount FROM settlement s
        WHERE s.company = d.company AND s.debit_document = d.document AND @counts@
          AND (SELECT o.gone_date FROM document o
               WHERE o.company = s.company AND o.document = s.credit_document) IS NULL) paid
    CROSS JOIN LATERAL (
        SELECT sum(s.credit_amount) AS amount FROM settlement s
        WHERE s.company = d.company AND s.credit_document = d.document AND @counts@
          AND (SELECT o.gone_date FROM document o
               WHERE o.company = s.company AND o.document = s.debit_document) IS NULL) used
), changed AS (
    INSERT INTO document (company, document, open_amount)
    SELECT company, document, open_amount FROM figures WHERE open_amount <> known
    ON CONFLICT (company, document) DO UPDATE SET open_amount = excluded.open_amount
)
SELECT DISTINCT company, customer FROM figures WHERE customer IS NOT NULL
""".replace("@counts@", COUNTS)

ORDERS = """
WITH figures AS (
    SELECT o.company, o.order_no, o.customer, (o.delivered, o.invoiced, o.invoiced_foreign) AS known,
           greatest(o.lines_delivered, shipped.amount) AS delivered,
           coalesce(billed.own, 0) AS invoiced, billed.others AS invoiced_foreign
    FROM unnest($1::text[], $2::text[]) AS t(company, order_no)
    CROSS JOIN LATERAL (
        SELECT * FROM sales_order o WHERE o.company = t.company AND o.order_no = t.order_no OFFSET 0) o
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(s.amount), 0) AS amount FROM delivery s
        WHERE s.company = o.company AND s.order_no = o.order_no
          AND s.currency = coalesce(o.currency, s.currency)) shipped
    CROSS JOIN LATERAL (
        SELECT sum(c.amount) FILTER (WHERE c.currency = o.currency) AS own,
               jsonb_object_agg(c.currency, c.amount::text)
                   FILTER (WHERE c.currency IS DISTINCT FROM o.currency) AS others
        FROM (SELECT b.currency, sum(b.amount) AS amount FROM (
                  SELECT d.currency, d.amount FROM document d
                  WHERE d.company = o.company AND d.order_no = o.order_no
                    AND d.is_debit AND d.gone_date IS NULL
                  UNION ALL
                  SELECT d.currency, s.amount FROM document_order s
                  CROSS JOIN LATERAL (
                      SELECT d.currency FROM document d
                      WHERE d.company = s.company AND d.document = s.document
                        AND d.is_debit AND d.gone_date IS NULL OFFSET 0) d
                  WHERE s.company = o.company AND s.order_no = o.order_no) b
              GROUP BY b.currency) c) billed
), changed AS (
    INSERT INTO sales_order (company, order_no, delivered, invoiced, invoiced_foreign)
    SELECT company, order_no, delivered, invoiced, invoiced_foreign FROM figures
    WHERE (delivered, invoiced, invoiced_foreign) IS DISTINCT FROM known
    ON CONFLICT (company, order_no) DO UPDATE
    SET delivered = excluded.delivered, invoiced = excluded.invoiced,
        invoiced_foreign = excluded.invoiced_foreign
)
SELECT DISTINCT company, customer FROM figures WHERE customer IS NOT NULL
"""

BALANCES = """
WITH parties AS (
    SELECT p.company, p.customer, ($3::timestamptz AT TIME ZONE coalesce((
               SELECT c.time_zone FROM company c WHERE c.company = p.company), 'UTC'))::date AS today
    FROM unnest($1::text[], $2::text[]) AS p(company, customer)
), figures AS (
    SELECT p.company, p.customer, f.*, p.today FROM parties p
    CROSS JOIN LATERAL (
        SELECT d.currency,
               coalesce(sum(d.open_amount) FILTER (WHERE d.is_debit), 0) AS open_debits,
               coalesce(sum(d.open_amount) FILTER (WHERE NOT d.is_debit), 0) AS open_credits,
               sum(d.open_amount) AS balance,
               (count(*) FILTER (WHERE d.is_debit))::integer AS debit_count,
               (count(*) FILTER (WHERE NOT d.is_debit))::integer AS credit_count,
               min(d.due_date) FILTER (WHERE d.is_debit AND d.open_amount > 0) AS oldest_due_date,
               coalesce(sum(d.open_amount) FILTER (
                   WHERE d.is_debit AND d.open_amount > 0 AND d.due_date < p.today), 0) AS overdue,
               min(d.due_date) FILTER (
                   WHERE d.is_debit AND d.open_amount > 0 AND d.due_date >= p.today) AS next_due_date
        FROM document d
        WHERE d.company = p.company AND d.customer = p.customer AND d.open_amount <> 0
        GROUP BY d.currency) f
), closed AS (
    DELETE FROM balance b USING parties p
    WHERE b.company = p.company AND b.customer = p.customer AND (
        SELECT true FROM document d
        WHERE d.company = b.company AND d.customer = b.customer AND d.currency = b.currency
          AND d.open_amount <> 0 LIMIT 1) IS NULL
)
INSERT INTO balance AS b (company, customer, currency, open_debits, open_credits, balance,
                          debit_count, credit_count, oldest_due_date, overdue, next_due_date, overdue_on)
SELECT * FROM figures
ON CONFLICT (company, customer, currency) DO UPDATE
SET open_debits = excluded.open_debits, open_credits = excluded.open_credits, balance = excluded.balance,
    debit_count = excluded.debit_count, credit_count = excluded.credit_count,
    oldest_due_date = excluded.oldest_due_date, overdue = excluded.overdue, next_due_date = excluded.next_due_date,
    overdue_on = excluded.overdue_on
WHERE (b.open_debits, b.open_credits, b.debit_count, b.credit_count, b.oldest_due_date, b.overdue, b.next_due_date)
      IS DISTINCT FROM (excluded.open_debits, excluded.open_credits, excluded.debit_count, excluded.credit_count,
                        excluded.oldest_due_date, excluded.overdue, excluded.next_due_date)
"""


async def refresh(work: Work, parties: Collection[Party]) -> None:
    """Bring all figures of `parties`, and of whoever else was touched, up to the facts of this transaction.

    Raises `MoreParties` when a document or order belongs to a customer that is not locked yet: begin again
    with those locked too. Afterwards `recomputed(work)` tells all customers whose figures were recomputed.
    """
    state = touched(work)
    owners, buyers = set(state.owners), state.buyers | set(parties)
    if state.documents:
        owners |= await _recompute(work, DOCUMENTS, state.documents)
    if state.orders:
        buyers |= await _recompute(work, ORDERS, state.orders)
    missing = (owners | buyers) - state.locked
    if missing:
        raise MoreParties(missing)
    if owners:
        await work.conn.execute(BALANCES, *columns(sorted(owners)), work.business_now)
    _done(state, owners | buyers)


async def _recompute(work: Work, statement: str, keys: set[tuple[str, str]]) -> set[Party]:
    rows = await work.conn.fetch(statement, *columns(sorted(keys)))
    return {(row["company"], row["customer"]) for row in rows}


def _done(state: Touched, found: set[Party]) -> None:
    state.recomputed |= found
    state.owners.clear()
    state.buyers.clear()
    state.documents.clear()
    state.orders.clear()
