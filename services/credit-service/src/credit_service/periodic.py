"""The periodic tasks of credit-service, in the order in which the schedule runs them."""

from __future__ import annotations

from credit_service.risk.jobs import RISK_SCORES
from credit_service.statistics.jobs import DELETE_STATISTICS, STATISTICS
from holdfast.tasks.model import TaskTable

TASKS = TaskTable()
TASKS.add(STATISTICS, RISK_SCORES, DELETE_STATISTICS)
