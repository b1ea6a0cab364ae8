"""Goes through a scenario without playing it: the clock, and every event as it would be sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.scenarios.commands import EVENTS, CheckStep
from holdfast.scenarios.events import BadEvent, payload_of, unknown_fields
from holdfast.scenarios.facts import Body
from holdfast.scenarios.given import documents, master_data
from holdfast.scenarios.marked import Where
from holdfast.scenarios.setting import ClockGoesBack, Setting, moment_of, setting_of
from holdfast.scenarios.steps import Scenario, Step

Problem = tuple[Where, str]
OWN_OF_CHECKS = {"more", "preview"}


def rehearse(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with the dates and events of a scenario, and where."""
    setting = setting_of(scenario)
    for where, kind, body in [*master_data(scenario, setting), *documents(scenario, setting)]:
        yield from _say(where, kind, body, setting)
    for place, step in enumerate(scenario.steps):
        where = ("steps", place)
        try:
            setting.now = moment_of(step, setting.now)
        except ClockGoesBack as back:
            yield (*where, "at" if step.at else "on"), str(back)
        yield from _step(where, step, setting)


def request_of(check: CheckStep) -> Body:
    """The fields of a check that the file says."""
    return check.model_dump(mode="json", exclude=OWN_OF_CHECKS, exclude_none=True) | check.more


def _step(where: Where, step: Step, setting: Setting) -> Iterator[Problem]:
    for place, other in enumerate(step.parallel or ()):
        yield from _step((*where, "parallel", place), other, setting)
    if step.event is not None:
        yield from _say((*where, "event"), step.event.type, step.event.body, setting, "body")
    if step.check is not None:
        yield from _say((*where, "check"), EVENTS["request"], request_of(step.check), setting)
    for name, kind in EVENTS.items():
        if (body := getattr(step, name)) is not None:
            yield from _say((*where, name), kind, body, setting)


def _say(where: Where, kind: str, body: Mapping[str, Any], setting: Setting, *inner: str) -> Iterator[Problem]:
    unknown = [((*where, *inner, *way), text) for way, text in unknown_fields(kind, body)]
    if unknown:
        yield from unknown
        return
    try:
        payload_of(kind, body, setting)
    except BadEvent as bad:
        yield from (((*where, *inner, *way), text) for way, text in bad.found)
