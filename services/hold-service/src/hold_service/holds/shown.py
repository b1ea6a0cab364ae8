"""A hold as the API shows it."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from hold_service.checks.loaded import hold_number
from hold_service.holds.model import Row, is_modified, primary_reason
from holdfast.approvals.model import State
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
    reasons = _reasons(row)
    shown: dict[str, Any] = {
        "hold": hold_number(row["id"]), "company": row["company"], "customer": row["customer"],
        "order": row["order_no"], "order_version": row["order_version"],
        "order_total": money(row["order_total"], row["order_currency"]), "order_created_at": row["order_created_at"],
        "amount_changed": is_modified(row), "checkpoint": row["checkpoint"], "attempt": row["attempt"],
        "proforma": row["proforma"], "has_posting_request": row["posting_request"] is not None,
        "sales_total": _company_total(row), "hold_type": "credit",
        "overdue_accounts": row["overdue_accounts"] or [], "active": row["active"], "held_at": row["held_at"],
        "primary_reason": primary_reason(reasons), "reasons": reasons,
        "forced_reason": row["forced_reason"], "decision": str(row["decision"]),
        "review_date": row["review_date"], "notes": row["notes"], "lines": row["lines"],
        "workflow_status": _workflow(row), "escalations": row["escalations"],
        "previous_hold": hold_number(row["previous_hold"]) if row["previous_hold"] else None,
        "version": row["version"],
        "payment_terms": row["shown_terms"],
    } | {name: row[name] for name in OF_THE_ORDER}  # fmt: skip
    return shown if row["active"] else shown | _ending(row)


def _reasons(row: Row) -> list[dict[str, Any]]:
    """The reasons. None of a hold that has ended is active; `stood_at_end` says on which it ended."""
    if row["active"]:
        return list(row["reasons"])
    return [{**reason, "active": False, "stood_at_end": reason["active"]} for reason in row["reasons"]]


def _workflow(row: Row) -> str | None:
    """Where its approval stands. A hold that has ended without one that was asked for waits for none."""
    never_asked = not row["active"] and row["workflow_status"] == State.DRAFT
    return None if never_asked else str(row["workflow_status"])


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
