"""What the runner says of what does not come: each thing is a line, and the last one is always said."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.platform.settings import load_settings
from holdfast.scenarios.comparing import MISSING, NOTICE, compare, dig, exactly, same, worded
from holdfast.scenarios.expected import EventExpected
from holdfast.scenarios.play import Play, Published
from holdfast.scenarios.runner import run_files

FILE = """\
given:
  companies:
    DE01: {checkpoints: confirmation, rules: [{kind: credit_limit_used, value: 100}], reasons: {release: PAID}}
  customers: {C-1: {limit: 10}}
scenarios:
  - name: differs
    steps:
      - check: {order: O-1, total: 5}
        expect:
          checked: false
          outcome: held
      - release: {order: O-1, reason: NONE}
  - name: inside
    steps:
      - check: {order: O-1, total: 50}
      - parallel:
          - check: {order: O-2, total: 5}
            expect: {outcome: cleared}
          - release: {order: O-1, reason: NONE}
  - name: refused lists
    users: {ann: {roles: "checks:make"}}
    steps:
      - days: 1
        user: ann
        expect:
          list: [{count: 0, without: O-1}, {path: /v1/hold, count: 0}]
          get: {path: /v1/nonsense, fields: {foo: null}}
  - name: not there
    steps:
      - check: {order: O-1, total: 50}
        expect: {hold: {fields: {reviewdate: null}}, events: {type: hold.order.held.v1, fields: {order: O-4}}}
  - name: a fact
    customers:
      C-1: {limit: 10}
      C-2:
        limit: 5
        policies:
          - {value: 5, effective_from: 2027-01-01, expires_on: 2026-01-01}
    steps: [{days: 1}]
  - name: broken
    steps:
      - check: {order: O-1, total: 5}
      - on: 2026-04-01
        check: {order: BROKEN, total: 5}
  - name: expects nothing
    steps: [{check: {order: O-1, total: 5}}]
"""


@pytest.mark.timeout(120)
async def test_what_does_not_come_is_told_with_its_line(
    postgres_url: str, server_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(FILE)
    send = Play.send

    async def breaks(self: Play, service: str, method: str, path: str, body: object, **more: object) -> object:
        if isinstance(body, dict) and body.get("order") == "BROKEN":
            raise KeyError("broken")
        return await send(self, service, method, path, body, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Play, "send", breaks)
    said: list[str] = []
    report = await run_files([file], load_settings(postgres_url=postgres_url, data_dir=server_folder), said.append)
    unknown = "reason: company DE01 has no release reason of that name. Choose one of GET /v1/reasons/DE01, or " \
              "add it: PUT /v1/reasons/DE01/release/{id}."  # fmt: skip
    needs = "refused with 403: This needs the permission holds:see."
    assert [line.replace(str(file), "FILE") for line in said] == [
        "FAIL  differs: step 1 check: outcome: expected held, got cleared (FILE:11)",
        "FAIL  differs: step 1 check: checked: expected False, got True (FILE:10)",
        "FAIL  differs: order O-1 has never been held (FILE:12)",
        "FAIL  inside: step 2.1 check: outcome: expected cleared, got held (FILE:18)",
        f"FAIL  inside: release was refused with 422: {unknown} (FILE:19)",
        f"FAIL  refused lists: step 1 then: list /v1/holds: expected taken, got {needs} (FILE:26)",
        "FAIL  refused lists: step 1 then: list /v1/hold: expected taken, got refused with 404: "
        "GET /v1/hold: Not Found. (FILE:26)",
        "FAIL  refused lists: step 1 then: /v1/nonsense: expected taken, got refused with 404: "
        "GET /v1/nonsense: Not Found. (FILE:27)",
        "FAIL  not there: step 1 check: hold of O-1: reviewdate: expected None, got nothing of that name (FILE:31)",
        "FAIL  not there: step 1 check: events: expected ['hold.order.held.v1'], got ['hold.order.held.v1']; "
        "of hold.order.held.v1 order is O-1, not O-4 (FILE:31)",
        "FAIL  a fact: a policy of C-2 was refused with 422: expires_on: the policy ends before it begins. "
        "Send a date not before effective_from. (FILE:38)",
        "FAIL  broken: KeyError: 'broken' (FILE:43)",
        "pass  expects nothing: nothing is expected, and it plays to its end",
        "1 passed, 12 failed",
    ]
    assert report.failed == 12


async def test_the_last_line_is_said_whatever_happens(
    postgres_url: str, server_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ends(*_: object) -> None:
        raise OSError("no services")

    file, said = tmp_path / "one.yaml", list[str]()
    file.write_text("name: x\nsteps: [{days: 1}]\n")
    monkeypatch.setattr("holdfast.scenarios.runner.play_all", ends)
    with pytest.raises(OSError, match="no services"):
        await run_files([file], load_settings(postgres_url=postgres_url, data_dir=server_folder), said.append)
    assert said == ["0 passed, 0 failed"]


def test_values_are_compared_as_people_mean_them() -> None:
    money = {"amount": "90.00", "currency": "EUR"}
    assert same(100, "100.00")
    assert [
        value for value in (90, "90.00", "90 EUR", "90.00 EUR", {"currency": "EUR"}) if not same(value, money)
    ] == []
    assert [value for value in ("90 USD", 91, "EUR", "90.00 EUR more") if same(value, money)] == []
    assert not same(True, 1)
    assert dig({"items": [{"a": 1}]}, "items.0.a") == 1
    assert dig({"items": []}, "items.0.a") is None
    assert dig({"items": []}, "item") is MISSING
    assert not compare("x", None, MISSING).passed


@pytest.mark.parametrize("part", ["the customer is", "excluded customer", "from credit"])
def test_a_sentence_has_the_part_or_the_words(part: str) -> None:
    assert worded("because", part, "the customer is excluded from credit management").passed


@pytest.mark.parametrize(("part", "said"), [("excluded order", "the customer is excluded"), ("", "")])
def test_a_sentence_lacks_words(part: str, said: str) -> None:
    assert not worded("because", part, said).passed


def test_each_event_expected_has_one_of_its_own() -> None:
    found = [Published("a", {"n": 1}), Published("a", {"n": 2}), Published("b", {})]
    any_a, first = EventExpected(type="a"), EventExpected(type="a", fields={"n": 1})
    b = EventExpected(type="b")
    assert exactly([any_a, first, b], found).passed
    assert not exactly([first, first, b], found).passed
    assert exactly([first, first, b], found).got == "['a', 'a', 'b']; of a n is 2, not 1"
    assert not exactly([any_a, first], found).passed


def test_requests_to_notify_count_where_one_is_named() -> None:
    found = [Published("a", {}), Published(NOTICE, {"purpose": "x"})]
    assert exactly([EventExpected(type="a")], found).passed
    assert exactly([EventExpected(type="a"), EventExpected(type=NOTICE)], found).passed
    assert not exactly([EventExpected(type=NOTICE)], found).passed
    assert not exactly([EventExpected(type="a"), EventExpected(type=NOTICE)], found[:1]).passed
