"""The periodic tasks of credit-service, in the order in which the schedule runs them."""

from __future__ import annotations

from credit_service.adjustments.jobs import GENERATE_ADJUSTMENTS
from credit_service.automatic.jobs import AUTOMATIC_LIMITS
from credit_service.notices.jobs import DUE_DATES
from credit_service.reconciliation.jobs import RECONCILIATION
from credit_service.risk.jobs import RISK_SCORES
from credit_service.schedules.jobs import SCHEDULED_ADJUSTMENTS
from credit_service.statistics.jobs import DELETE_STATISTICS, STATISTICS
from credit_service.tasks.model import TaskTable
from credit_service.temporary.jobs import TEMPORARY_LIMITS

TASKS = TaskTable()
TASKS.add(
    TEMPORARY_LIMITS,
    DUE_DATES,
    STATISTICS,
    RISK_SCORES,
    AUTOMATIC_LIMITS,
    GENERATE_ADJUSTMENTS,
    SCHEDULED_ADJUSTMENTS,
    RECONCILIATION,
    DELETE_STATISTICS,
)
