"""What the routes of adjustment schedules take and answer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import asyncpg
from pydantic import ConfigDict, Field, ValidationError, model_validator

from credit_service.adjustments.bodies import GenerateBody, Proposed
from credit_service.adjustments.model import JournalType
from credit_service.schedules.model import Rhythm, Unit
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import BusinessDate

RHYTHM = {"first_on", "every", "unit"}
OWN = {*RHYTHM, "enabled", "type", "description", "starts_after_days", "valid_days"}


class ScheduleBody(Proposed):
    """Which journal is drafted again and again, when, and how long its limits last."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"description": "Yearly review", "first_on": "2027-01-04", "every": 1, "unit": "years",
         "source": "existing_customers", "credit_management_group": "RETAIL", "adjustment_value": "5",
         "value_type": "percentage", "round_off": "100", "rounding_form": "down", "date_method": "absolute",
         "valid_days": 365}]})  # fmt: skip

    enabled: bool = True
    type: JournalType = JournalType.PERMANENT
    description: Text = Field("", max_length=200, description="of the journals")
    first_on: BusinessDate = Field(description="the first day; a business date of the company")
    every: int | None = Field(None, ge=1, le=366, description="so many units after it again; once when absent")
    unit: Unit = "months"
    starts_after_days: int = Field(
        0, ge=0, le=3660, description="first day of temporary limits, days after the day of the run"
    )
    valid_days: int | None = Field(
        None, ge=0, le=3660, description="last day of the limits, days after the first; mandatory unless relative"
    )

    @model_validator(mode="after")
    def _can_be_generated(self) -> ScheduleBody:
        try:
            self.generation(self.first_on)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        return self

    @model_validator(mode="after")
    def _says_how_long(self) -> ScheduleBody:
        if (self.date_method == "relative") != (self.valid_days is None):
            raise ValueError("relative dates need to_offset_days and no valid_days; all others need valid_days")
        return self

    @property
    def rhythm(self) -> Rhythm:
        """When it runs."""
        return Rhythm(self.first_on, self.every, self.unit)

    def generation(self, day: date) -> GenerateBody:
        """What is generated on a day. Raises ValidationError."""
        given = self.model_dump(exclude=OWN, exclude_unset=True)
        if self.date_method == "relative":
            return GenerateBody(**given)
        first = day + timedelta(days=self.starts_after_days)
        last = first + timedelta(days=self.valid_days or 0)
        return GenerateBody(**given, new_from=first if self.type is JournalType.TEMPORARY else None, new_to=last)


def shown_schedule(row: asyncpg.Record) -> dict[str, Any]:
    """A schedule as the API shows it: what was set, when it runs next, and what became of the last run."""
    state = {n: row[n] for n in ("next_on", "last_run_on", "last_journal", "last_lines", "set_by")}
    return {"company": row["company"], "id": row["id"], **row["fields"], **state, "version": row["version"]}
