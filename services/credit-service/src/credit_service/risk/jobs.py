"""The update of risk scores as a periodic task."""

from __future__ import annotations

from collections.abc import Sequence

from credit_service.risk.update import update_risk_scores
from credit_service.tasks.model import Run, Step, Task
from credit_service.tasks.running import by_customers
from holdfast.database.work import Work

NAME = "risk-scores"
CHUNK = 5_000
"""Customers of one step, who are locked meanwhile: well under a second."""


async def _score(work: Work, run: Run, customers: Sequence[str]) -> Step:
    return Step(changed=await update_risk_scores(work, run.company, customers, run.as_of, NAME))


RISK_SCORES = Task(
    NAME, "computes the values of all scoring groups, adds up the scores and classifies", by_customers(_score, CHUNK)
)
