"""The SQL of attempts on orders that are held already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hold_service.checks.known import Said
from holdfast.database.bulk import columns
from holdfast.database.work import Work


@dataclass(frozen=True, slots=True)
class Attempt:
    """Another attempt to post a held order: as what the order is decided again from now on, and with
    `takes_document` what a release with posting would send back."""

    hold_id: int
    order_version: int
    order_currency: str
    order_total: Decimal
    said: Said
    takes_document: bool
    checkpoint: str
    attempt: str
    proforma: bool
    posting_request: dict[str, Any] | None
    decision: UUID

    def after(self, before: Attempt | None) -> Attempt:
        """This attempt with the document of the one before, where it brings none itself."""
        if before is None or self.takes_document or not before.takes_document:
            return self
        return replace(
            before, order_version=self.order_version, order_currency=self.order_currency,
            order_total=self.order_total, said=self.said, decision=self.decision,
        )  # fmt: skip


ATTEMPTED = """
UPDATE hold h SET order_version = n.order_version, order_currency = n.order_currency, order_total = n.order_total,
       payment_terms = n.payment_terms, cash_discount = n.cash_discount, order_excluded = n.order_excluded,
       is_project = n.is_project, reserved_total = n.reserved_total,
       checkpoint = CASE WHEN n.takes_document THEN n.checkpoint ELSE h.checkpoint END,
       attempt = CASE WHEN n.takes_document THEN n.attempt ELSE h.attempt END,
       proforma = CASE WHEN n.takes_document THEN n.proforma ELSE h.proforma END,
       posting_request = CASE WHEN n.takes_document THEN n.posting_request ELSE h.posting_request END,
       attempted_at = CASE WHEN n.takes_document THEN $16 ELSE h.attempted_at END,
       decision = n.decision,
       amount_changed = h.amount_changed OR (h.order_total, h.order_currency) <> (n.order_total, n.order_currency),
       version = h.version + 1
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::numeric[], $5::text[], $6::text[], $7::boolean[],
            $8::boolean[], $9::numeric[], $10::boolean[], $11::text[], $12::text[], $13::boolean[], $14::jsonb[],
            $15::uuid[])
     AS n (hold_id, order_version, order_currency, order_total, payment_terms, cash_discount, order_excluded,
           is_project, reserved_total, takes_document, checkpoint, attempt, proforma, posting_request, decision)
WHERE h.id = n.hold_id AND h.active
"""


async def attempted_again(work: Work, attempts: Sequence[Attempt]) -> None:
    """Holds take over attempts, the last one of each; they are not older than what is known of their orders."""
    newest: dict[int, Attempt] = {}
    for attempt in attempts:
        newest[attempt.hold_id] = attempt.after(newest.get(attempt.hold_id))
    rows = [
        (
            a.hold_id, a.order_version, a.order_currency, a.order_total, *astuple(a.said), a.takes_document,
            a.checkpoint, a.attempt, a.proforma, a.posting_request, a.decision,
        )
        for a in newest.values()
    ]  # fmt: skip
    if rows:
        await work.conn.execute(ATTEMPTED, *columns(rows), work.business_now)
