"""The decision that a hold stands on after a re-check that has found other reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from hold_service.checks.decided import overdue_accounts
from hold_service.checks.known import Known
from hold_service.checks.model import Verdict, figures
from hold_service.checks.picture import picture_of
from hold_service.checks.saving import DecisionRow
from hold_service.holds import notices
from hold_service.holds.model import Row
from hold_service.holds.release import amount_of, asked_again
from holdfast.database.pool import to_json
from holdfast.database.work import Work

RECHECKED = "rechecked"
"""How it is stored, apart from the decisions that the ERP has asked for; the order is held all the same."""


def rechecked(
    work: Work, row: Row, known: Known, verdict: Verdict, reasons: Mapping[str, str | None], triggers: tuple[str, ...]
) -> DecisionRow:
    """The numbers of this moment, told as those of a check are. `reasons`: with what was found now, if anything was."""
    decision = uuid4()
    before = {reason["reason"]: reason["explanation"] for reason in row["reasons"]}
    answer: dict[str, Any] = notices.fields(row, known, work, amount_of(row, known), decision) | {
        "outcome": "held", "checkpoint": row["checkpoint"], "attempt": row["attempt"], "proforma": row["proforma"],
        "checked": verdict.not_checked is None, "figures": figures(verdict), "reasons": sorted(reasons),
        "explanation": [reasons[name] or before.get(name, "") for name in sorted(reasons)],
        "to_pass": [finding.to_pass for finding in verdict.findings], "triggers": triggers,
    }  # fmt: skip
    if verdict.not_checked:
        answer["not_checked_because"] = verdict.not_checked
    if verdict.warnings:
        answer["warnings"] = [finding.text for finding in verdict.warnings]
    del answer["sequence"]
    answer = {name: value for name, value in (answer | overdue_accounts(verdict)).items() if value is not None}
    picture = picture_of(asked_again(row, known), known, verdict)
    return DecisionRow(
        decision, row["company"], row["customer"], row["order_no"], row["checkpoint"], row["attempt"], RECHECKED,
        known.position.check_date, row["id"], to_json(answer), to_json(picture),
    )  # fmt: skip
