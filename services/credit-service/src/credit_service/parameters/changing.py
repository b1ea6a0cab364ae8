"""A change of a company's parameters: asked for where it lets customers owe more, made, told (spec 1.17, 1.20)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg

from credit_service import raising
from credit_service.parameters.model import PUBLISHED, Parameters, loosens
from credit_service.parameters.store import Kept, read_parameters, write_parameters
from holdfast.approvals.kinds import Asked
from holdfast.bus import outbox
from holdfast.contracts.credit import ParametersChanged
from holdfast.database.work import Work
from holdfast.web import audit
from holdfast.web.etags import check_written

BEYOND_EVERY_BAND = Decimal(10) ** 15
"""It concerns every customer of the company."""


async def change(work: Work, company: str, before: Kept, given: Parameters, who: str) -> asyncpg.Record | None:
    """Set locked parameters, or ask for it where customers may owe more by them; answers the approval if one was asked
    for."""
    if loosens(before.parameters, given) and await raising.must_ask(work, company):
        fields = given.model_dump(mode="json")
        return await raising.ask(work, "parameters", company, "parameters", who, {"fields": fields}, None)
    await _make(work, company, before, given, who)
    return None


async def _make(work: Work, company: str, before: Kept, given: Parameters, who: str) -> None:
    after = Kept(given, before.version + 1)
    check_written(await write_parameters(work, company, after))
    await audit.record(
        work, who=who, what="credit-parameters.changed", company=company, subject=company,
        before=shown_parameters(company, before), after=shown_parameters(company, after),
    )  # fmt: skip
    fields = given.model_dump(include=set(PUBLISHED))
    event = ParametersChanged(
        company=company, sequence=1, version=after.version, changed_at=work.business_now, changed_by=who, **fields
    )
    await outbox.emit(work, [event])


def shown_parameters(company: str, kept: Kept) -> dict[str, Any]:
    """Parameters as the API shows them."""
    return {"company": company, **kept.parameters.model_dump(mode="json"), "version": kept.version}


async def _lock(work: Work, proposal: dict[str, Any]) -> None:
    await read_parameters(work, proposal["company"], lock=True)


async def _basis(work: Work, proposal: dict[str, Any]) -> Any:
    kept = await read_parameters(work, proposal["company"])
    return shown_parameters(proposal["company"], kept)


async def _amount(work: Work, proposal: dict[str, Any]) -> Decimal:
    return BEYOND_EVERY_BAND


async def _take_effect(work: Work, proposal: dict[str, Any], asked: Asked) -> None:
    before = await read_parameters(work, proposal["company"])
    await _make(work, proposal["company"], before, Parameters(**proposal["fields"]), asked.requester)


raising.DOORS["parameters"] = raising.Door(_lock, _basis, _amount, _take_effect)
