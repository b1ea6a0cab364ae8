"""A kind of rule is one class: it brings its reason, and nothing else has to know it."""

from __future__ import annotations

from typing import Any

import pytest

from hold_service.rules.facts import Facts
from hold_service.rules.model import KINDS, NUMBER, Rule, RuleKind


class Weather(RuleKind):
    """Blocks whatever is ordered while it rains."""

    name = "weather"
    reason = "rain"
    summary = "it rains"
    value_types = (NUMBER,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return True

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return False

    def words(self, rule: Rule, facts: Facts) -> str:
        return "It rains."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return "Wait for the sun."


async def test_a_new_kind_is_one_class(hold: Any, ask: Any, kim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, Weather.name, Weather())
    await hold.set_up()
    made = await kim.post("/rules", {"company": "DE01", "kind": "weather", "value": "1"})
    assert made.status_code == 201
    (answer,) = await hold.check(ask.request("O-1", "10"))
    assert (answer["reasons"], answer["explanation"], answer["to_pass"]) == (
        ["rain"], ["It rains."], ["Wait for the sun."])  # fmt: skip
    assert [body["reasons"] for _, body in await hold.published()] == [["rain"]]
    for found in (await kim.holds(reason="rain"), await kim.holds(primary_reason="rain")):
        assert [one["order"] for one in found] == ["O-1"]
    assert await kim.holds(reason="snow") == []
