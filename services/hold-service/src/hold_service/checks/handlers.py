"""Checkpoint requests from the bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hold_service.checks.decide import decide_many
from hold_service.parameters import PARAMETERS
from holdfast.bus.envelope import Incoming
from holdfast.database.work import Work


async def checkpoints_requested(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Decide the requests of a batch in their order; the runner has locked the customers."""
    await decide_many(work, [event.payload for event in events], PARAMETERS.most_facts_age)
