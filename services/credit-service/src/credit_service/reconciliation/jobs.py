"""Compares our open items with the ERP's control totals as a periodic task: a difference is told, never corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from credit_service.reconciliation import store
from credit_service.reconciliation.model import Compared
from credit_service.tasks.model import Run, Step, Task
from credit_service.tasks.running import by_customers
from holdfast.bus import outbox
from holdfast.contracts.credit_notices import BalanceDifferenceFound
from holdfast.database.work import Work
from holdfast.platform.metrics import counter
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.as_of import OpenItem

NAME = "reconciliation"
MOST_DOCUMENTS = 200
"""Of a finding; the rest is left to `GET` of the documents in the ERP."""
FOUND = counter("holdfast_reconciliation_findings", "Balances found to differ from the ERP's control total.")
log = structlog.get_logger(__name__)


async def _reconcile(work: Work, run: Run, customers: Sequence[str]) -> Step:
    differing = [c for c in await store.compare(work, run.company, customers) if c.is_finding]
    # What was read before a lock may have changed since: those that differ are compared again under theirs.
    suspects = sorted({c.customer for c in differing})
    await lock_accounts(work, {(run.company, customer) for customer in suspects})
    differing = [c for c in await store.compare(work, run.company, suspects) if c.is_finding]
    await store.close_findings(work, run.company, customers, differing)
    return Step(changed=await _keep(work, run.company, differing))


async def _keep(work: Work, company: str, differing: Sequence[Compared]) -> int:
    """Open findings and tell of the new ones; answers how many these are."""
    items = await store.open_items(work, company, differing)
    ours = [(c, _documents(items.get((c.customer, c.currency), ()))) for c in differing]
    new = await store.keep_findings(work, company, ours)
    told = [(c, documents) for c, documents in ours if (c.customer, c.currency) in new]
    for one, _ in told:
        FOUND.inc()
        log.warning(
            "reconciliation_finding", company=company, customer=one.customer, currency=one.currency,
            reported=str(one.reported), computed=str(one.computed), as_of=str(one.as_of),
        )  # fmt: skip
    await outbox.emit(work, [_event(work, company, c, documents) for c, documents in told])
    return len(told)


def _documents(items: Sequence[OpenItem]) -> list[dict[str, Any]]:
    return [{"document": i.document, "kind": i.kind, "open_amount": str(i.open_amount)} for i in items[:MOST_DOCUMENTS]]


def _event(work: Work, company: str, c: Compared, documents: list[dict[str, Any]]) -> BalanceDifferenceFound:
    return BalanceDifferenceFound.model_validate({
        "company": company, "customer": c.customer, "sequence": 1, "currency": c.currency, "as_of": c.as_of,
        "report_version": c.version, "reported": c.reported or 0, "computed": c.computed, "documents": documents,
        "found_at": work.business_now,
    })  # fmt: skip


RECONCILIATION = Task(
    NAME, "compares our open items with the ERP's control totals; each difference opens a finding and asks the ERP to "
    "send the customer's documents anew", by_customers(_reconcile),
)  # fmt: skip
