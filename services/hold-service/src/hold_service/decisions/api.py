"""Decisions told over HTTP: every one, also the passes, with what was compared with what."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from hold_service.checks import saving
from hold_service.checks.picture import facts_in, shown_picture
from hold_service.decisions.model import rules_told, sentences
from hold_service.setups.model import Setup
from hold_service.setups.store import stored_setup
from holdfast.database.pool import to_json
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])
Reader = Annotated[Caller, Depends(require("holds:see"))]


@router.get(
    "/{decision_id}",
    operation_id="getDecision",
    responses={200: {"description": "The decision in plain sentences, with its rules and numbers"}, **responses(404)},
)
async def get_decision(request: Request, decision_id: UUID, caller: Reader) -> Response:
    """A stored decision: what was compared with what, and what would have to be paid or raised for it to pass."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await saving.read_decision(work, decision_id)
        if row is None or not caller.sees(row["company"]):
            raise not_found(f"decision {decision_id}")
        setup = await stored_setup(work, row["picture"].get("setup"))
    return Response(to_json(_told(row, setup)), media_type="application/json")


def _told(row: asyncpg.Record, setup: Setup) -> dict[str, Any]:
    answer, picture = row["answer"], shown_picture(row["answer"], row["picture"])
    facts = facts_in(picture)
    return {
        "decision": str(row["id"]), "outcome": answer["outcome"], "company": row["company"],
        "customer": row["customer"], "order": row["order_no"], "checkpoint": row["checkpoint"],
        "sentences": sentences(answer, picture, facts, setup.book),
        "rules": rules_told(facts, setup.book) if facts else [],
        "to_pass": answer.get("to_pass", []), "answer": answer, "picture": picture,
    }  # fmt: skip
