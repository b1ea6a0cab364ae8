"""Periodic tasks: what they are, and how far a run of one has come. Plain values.

A new task is one function and its entry in `periodic.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from holdfast.database.work import Work


class Options(BaseModel):
    """What a run of a task may be told beyond company, date and customers."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Run:
    """One run for a company as of a business date. `customers` None: all; `after`: the last one that is done.

    `today`: whether `as_of` is the company's business date now; `started_by`: who, or "schedule".
    """

    id: UUID
    company: str
    as_of: date
    customers: tuple[str, ...] | None
    options: Any
    after: str | None
    today: bool
    started_by: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a run did. `after` None: nothing is left to do. `made`: such as the number of a journal."""

    after: str | None = None
    processed: int = 0
    changed: int = 0
    incomplete: int = 0
    made: str | None = None


Act = Callable[[Work, Run], Awaitable[Step]]
Check = Callable[[Work, Run], Awaitable[None]]


async def _anything(work: Work, run: Run) -> None:
    """Every run is fine."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task: `act` does one step of a second or two; `check` refuses a run that must not be."""

    name: str
    summary: str
    act: Act
    options: type[Options] = Options
    check: Check = _anything
    scheduled: bool = True


@dataclass(slots=True)
class TaskTable:
    """The tasks of a service, in the order in which the schedule runs them."""

    tasks: dict[str, Task] = field(default_factory=dict)

    def add(self, *tasks: Task) -> None:
        """Make tasks known. Raises ValueError for a name that is taken."""
        for task in tasks:
            if task.name in self.tasks:
                raise ValueError(f"task {task.name} is registered twice")
            self.tasks[task.name] = task
