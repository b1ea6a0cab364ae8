"""Parameters of credit limits come from credit-service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.bus.envelope import Incoming
from holdfast.contracts.credit import ParametersChanged
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.upserts import Fact, upsert

PARAMETERS = Fact(
    ParametersChanged.event_type, "credit_parameters", {"company": "text"}, "version", {"settings": "jsonb"}
)
ABOUT_THE_EVENT = {"company", "sequence", "version", "changed_at", "changed_by"}


async def apply_parameters(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the newest version of each company's parameters."""
    rows = [
        (p.company, p.version, to_json(p.model_dump(mode="json", exclude=ABOUT_THE_EVENT)))
        for p in (event.payload for event in events)
    ]
    await upsert(work, PARAMETERS, rows)
