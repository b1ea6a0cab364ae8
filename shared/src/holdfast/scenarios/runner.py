"""Plays scenarios one after another on one started stack, and tells what came of each expectation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.erp.barrier import Stalled
from holdfast.platform.settings import Settings
from holdfast.scenarios.acting import act
from holdfast.scenarios.comparing import Line
from holdfast.scenarios.events import BadEvent
from holdfast.scenarios.expecting import check
from holdfast.scenarios.giving import give
from holdfast.scenarios.marked import BadScenario, Where
from holdfast.scenarios.play import Done, Play, Refused
from holdfast.scenarios.reading import Written, read_files
from holdfast.scenarios.setting import moment_of
from holdfast.scenarios.stack import Running, running
from holdfast.scenarios.steps import Step

Say = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What became of all expectations."""

    say: Say
    passed: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    def note(self, text: str, passed: bool) -> None:
        """Tell and count a line."""
        self.passed += passed
        self.failed += not passed
        line = f"{'pass' if passed else 'FAIL'}  {text}"
        if not passed:
            self.failures.append(line)
        self.say(line)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


async def run_files(paths: Sequence[Path], settings: Settings, say: Say) -> Report:
    """Read all files, then play them on a stack of their own. Raises BadScenario before anything is started."""
    written = read_files(paths)
    report = Report(say)
    try:
        async with running(settings) as stage:
            await stage.services.while_running(play_all(stage, written, report))
    finally:
        say(str(report))
    return report


async def play_all(stage: Running, written: Sequence[Written], report: Report) -> None:
    """Play scenarios on a started stack; each has companies of its own."""
    for number, one in enumerate(written, 1):
        await play_one(stage, number, one, report)


async def play_one(stage: Running, number: int, written: Written, report: Report) -> None:
    """One scenario: facts, then steps; what must work and does not ends it and counts as failed."""
    before = report.passed + report.failed
    play = Play(stage, number, written.scenario)
    name = written.scenario.name
    try:
        await play.pause_jobs()
        await play.at(play.setting.now)
        await give(play, written.scenario)
        for place, step in enumerate(written.scenario.steps):
            play.where = ("steps", place)
            await _Telling(play, written, report).step(step, play.where, str(place + 1))
    except Exception as error:
        told = str(error) if isinstance(error, (Refused, BadEvent, Stalled)) else f"{type(error).__name__}: {error}"
        report.note(f"{name}: {play.names.text(told)} ({written.place(*play.where)})", False)
    if report.passed + report.failed == before:
        report.note(f"{name}: nothing is expected, and it plays to its end", True)


@dataclass(frozen=True, slots=True)
class _Telling:
    """Plays steps and tells what came of them."""

    play: Play
    written: Written
    report: Report

    async def step(self, step: Step, where: Where, number: str) -> None:
        """Do it, wait for what follows from it, and look."""
        await self.play.at(moment_of(step, self.play.setting.now))
        await self.play.settle()
        await self.play.mark()
        done = await act(self.play, step)
        await self.play.settle()
        counted = step.expect is not None and step.expect.outcomes is not None
        for place, (other, one) in enumerate(zip(step.parallel or (), done.together, strict=True)):
            await self._look(other, one, (*where, "parallel", place), f"{number}.{place + 1}", counted)
        await self._look(step, done, where, number, False)

    async def _look(self, step: Step, done: Done, where: Where, number: str, counted: bool) -> None:
        """What is expected of a step; a refusal that nobody expects ends the scenario, unless it is counted."""
        self.play.where = where
        if step.expect is None and done.reply is not None and not done.reply.ok and not counted:
            detail = done.reply.body.get("detail") if isinstance(done.reply.body, dict) else done.reply.body
            raise Refused(f"{step.action} was refused with {done.reply.status}: {detail}")
        if step.expect is None:
            return
        async for line in check(self.play, step.expect, done, step.user):
            about = f"{self.written.scenario.name}: step {number} {step.action or 'then'}: {line.about}"
            self._tell(about, line, where)

    def _tell(self, about: str, line: Line, where: Where) -> None:
        if line.passed:
            self.report.note(f"{about} is {_short(line.expected)}", True)
            return
        place = self.written.place(*where, "expect", *line.where)
        self.report.note(f"{about}: expected {_short(line.expected)}, got {_short(line.got)} ({place})", False)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 600 else f"{text[:600]} …"


__all__ = ["BadScenario", "Report", "run_files"]
