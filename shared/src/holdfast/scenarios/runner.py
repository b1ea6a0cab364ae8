"""Plays scenarios one after another on one started stack, and tells what came of each expectation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from holdfast.erp.barrier import Stalled
from holdfast.platform.settings import Settings
from holdfast.scenarios.acting import act
from holdfast.scenarios.events import BadEvent, Setting, at_noon
from holdfast.scenarios.expecting import Line, check
from holdfast.scenarios.facts import Facts
from holdfast.scenarios.giving import give
from holdfast.scenarios.marked import BadScenario, Where
from holdfast.scenarios.play import Play, Refused
from holdfast.scenarios.reading import Written, read_scenarios
from holdfast.scenarios.stack import Running, running
from holdfast.scenarios.steps import Step

Say = Callable[[str], None]
FIRST_DAY = date(2026, 3, 2)


@dataclass(slots=True)
class Report:
    """What became of all expectations."""

    passed: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    def note(self, text: str, passed: bool) -> None:
        """Count a line."""
        self.passed += passed
        self.failed += not passed
        if not passed:
            self.failures.append(text)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


async def run_files(paths: Sequence[Path], settings: Settings, say: Say) -> Report:
    """Read all files, then play them on a stack of their own. Raises BadScenario before anything is started."""
    written = [scenario for path in paths for scenario in read_scenarios(path)]
    async with running(settings) as stage:
        return await stage.services.while_running(play_all(stage, written, say))


async def play_all(stage: Running, written: Sequence[Written], say: Say) -> Report:
    """Play scenarios on a started stack; each has companies of its own."""
    report = Report()
    for number, one in enumerate(written, 1):
        await play_one(stage, number, one, report, say)
    say(str(report))
    return report


async def play_one(stage: Running, number: int, written: Written, report: Report, say: Say) -> None:
    """One scenario: facts, then steps; what must work and does not ends it and counts as failed."""
    scenario = written.scenario
    where: Where = ()
    play = Play(stage, number, setting_of(scenario), scenario.users)
    try:
        await play.pause_jobs()
        await play.at(at_noon(play.setting.today))
        await give(play, scenario)
        for place, step in enumerate(scenario.steps):
            where = ("steps", place)
            await _step(play, step, where, written, report, say)
    except (Refused, BadEvent, Stalled) as error:
        text = f"FAIL  {scenario.name}: {play.names.text(str(error))} ({written.place(*where)})"
        report.note(text, False)
        say(text)


async def _step(play: Play, step: Step, where: Where, written: Written, report: Report, say: Say) -> None:
    await _clock(play, step)
    await play.mark()
    done = await act(play, step)
    await play.settle()
    if step.expect is None and done.reply is not None and not done.reply.ok:
        detail = done.reply.body.get("detail") if isinstance(done.reply.body, dict) else done.reply.body
        raise Refused(f"{step.action} was refused with {done.reply.status}: {detail}")
    if step.expect is None:
        return
    async for line in check(play, step.expect, done, step.user):
        text = _told(written, step, where, line)
        report.note(text, line.passed)
        say(text)


def _told(written: Written, step: Step, where: Where, line: Line) -> str:
    number = int(where[1]) + 1
    about = f"{written.scenario.name}: step {number} {step.action or 'then'}: {line.about}"
    if line.passed:
        return f"pass  {about} is {_short(line.expected)}"
    place = written.place(*where, "expect", *line.where)
    return f"FAIL  {about}: expected {_short(line.expected)}, got {_short(line.got)} ({place})"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]} …"


async def _clock(play: Play, step: Step) -> None:
    if step.at is not None:
        await play.at(step.at if step.at.tzinfo else step.at.replace(tzinfo=UTC))
    elif step.on is not None or step.days:
        day = (step.on or play.setting.today) + timedelta(days=step.days or 0)
        same_day = day == play.setting.today
        await play.tick() if same_day else await play.at(at_noon(day))
    else:
        await play.tick()
    await play.settle()


def setting_of(facts: Facts) -> Setting:
    """The names and defaults that events of a scenario may leave out."""
    company = next(iter(facts.companies), "DE01")
    customers = {name: (c.company or company, c.customer or name) for name, c in facts.customers.items()}
    day = facts.today or FIRST_DAY
    return Setting(
        company=company,
        currency=facts.companies[company].currency if company in facts.companies else "EUR",
        customer=next(iter(customers), "C-1"),
        today=day,
        now=datetime.combine(day, datetime.min.time(), UTC),
        customers=customers,
        currencies={name: c.currency for name, c in facts.companies.items()},
    )  # fmt: skip


__all__ = ["BadScenario", "Report", "run_files"]
