"""A hold as the API shows it."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from hold_service.checks.loaded import hold_number
from hold_service.holds.model import Row, is_modified, primary_reason
from holdfast.database.pool import to_json
from holdfast.receivables.money import rounded
from holdfast.web.etags import etag
from holdfast.web.money import money

OF_THE_ORDER = (
    "sold_to", "sales_taker", "sales_responsible", "sales_pool", "freight_zone", "load", "delivery_date",
    "sales_deadline", "credit_management_group",
)  # fmt: skip


def shown_hold(row: Row) -> dict[str, Any]:
    """Every column of spec 1.16, with the reasons beside it."""
    shown: dict[str, Any] = {
        "hold": hold_number(row["id"]), "company": row["company"], "customer": row["customer"],
        "order": row["order_no"], "order_version": row["order_version"],
        "order_total": money(row["order_total"], row["order_currency"]), "order_created_at": row["order_created_at"],
        "amount_changed": is_modified(row), "checkpoint": row["checkpoint"], "attempt": row["attempt"],
        "proforma": row["proforma"], "has_posting_request": row["posting_request"] is not None,
        "sales_total": _company_total(row), "hold_type": "credit",
        "overdue_accounts": row["overdue_accounts"] or [], "active": row["active"], "held_at": row["held_at"],
        "primary_reason": primary_reason(row["reasons"]),
        "reasons": row["reasons"], "forced_reason": row["forced_reason"], "decision": str(row["decision"]),
        "review_date": row["review_date"], "notes": row["notes"], "lines": row["lines"],
        "workflow_status": row["workflow_status"], "escalations": row["escalations"],
        "previous_hold": hold_number(row["previous_hold"]) if row["previous_hold"] else None,
        "version": row["version"],
        "payment_terms": row["shown_terms"],
    } | {name: row[name] for name in OF_THE_ORDER}  # fmt: skip
    return shown if row["active"] else shown | _ending(row)


def _company_total(row: Row) -> dict[str, str] | None:
    """The order's value in company currency."""
    amount, currency = row["company_total"], row["company_currency"]
    return None if amount is None or currency is None else money(rounded(amount, currency), currency)


def _ending(row: Row) -> dict[str, Any]:
    amount = row["released_amount"]
    return {
        "closed_at": row["closed_at"], "closed_as": row["closed_as"], "closed_by": row["closed_by"],
        "release_mode": row["release_mode"], "release_reason": row["release_reason"], "close_note": row["close_note"],
        "released_amount": None if amount is None else money(amount, row["order_currency"]),
        "released_lines": row["released_lines"], "valid_until": row["valid_until"],
        "grace_until": row["grace_until"], "triggers": row["triggers"],
    }  # fmt: skip


def json_of(body: Any, version: int | None = None) -> Response:
    """An answer, with the ETag of a version."""
    headers = {} if version is None else {"etag": etag(version)}
    return Response(to_json(body), media_type="application/json", headers=headers)
