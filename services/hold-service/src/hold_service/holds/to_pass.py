"""What it would take for a held order to pass now, reason by reason (spec 3.15)."""

from __future__ import annotations

from typing import Any

import asyncpg

from hold_service.checks.model import rejudge
from hold_service.checks.overdue import late_invoices
from hold_service.holds.model import FORCED, Row
from hold_service.holds.release import asked_again, known_of
from hold_service.rules.model import KINDS
from holdfast.database.work import Work
from holdfast.web.money import money


async def items_of(work: Work, row: Row) -> list[dict[str, Any]]:
    """The reasons of this moment, each with what would mend it, and the invoices that it is about."""
    known = await known_of(work, row, locked=False)
    rules = {rule.id: rule for rule in known.setup.book.rules}
    items, late = [], await late_invoices(work, known.position, known.setup.parameters)
    for finding in rejudge(asked_again(row, known), known).findings:
        item = {"reason": finding.reason, "explanation": finding.text, "to_pass": finding.to_pass}
        rule = rules.get(finding.rule or "")
        most = None if rule is None else KINDS[rule.kind].late_days(rule)
        invoices = [] if most is None else [_shown(invoice) for invoice in late if invoice["days"] > most]
        items.append(item | ({"invoices": invoices} if invoices else {}))
    return [*_forced(row), *items]


def _shown(invoice: asyncpg.Record) -> dict[str, Any]:
    return {
        "document": invoice["document"], "open_amount": money(invoice["open_amount"], invoice["currency"]),
        "due_date": invoice["due_date"], "days_overdue": invoice["days"],
    }  # fmt: skip


def _forced(row: Row) -> list[dict[str, Any]]:
    if row["forced_reason"] is None:
        return []
    text = f"Held by a person, for the reason {row['forced_reason']}."
    mend = "Let somebody release it; nothing else ends a forced hold."
    return [{"reason": FORCED, "explanation": text, "to_pass": mend}]
