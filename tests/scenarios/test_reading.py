"""All that is wrong with a scenario file is told by line, before anything is played."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holdfast.cli.app import app
from holdfast.scenarios.marked import BadScenario
from holdfast.scenarios.reading import read_scenarios

HERE = Path(__file__).parent
CHECK = "name: x\nsteps:\n  - check: {order: O-1, total: 5}\n"
CASES = re.findall(r"^=== (.+)\n((?s:.*?))^\+\+\+\n((?s:.*?))(?=^===|\Z)", (HERE / "wrong.txt").read_text(), re.M)


def test_each_wrong_file_is_there_once() -> None:
    names = [name for name, _, _ in CASES]
    assert len(names) == len(set(names)) > 70


@pytest.mark.parametrize(("text", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_wrong_with_a_file_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(BadScenario) as refused:
        read_scenarios(file)
    said = str(refused.value)
    assert [part for part in told.splitlines() if part not in said] == []
    assert all(re.match(rf"{re.escape(str(file))}:\d+: .+\.$", line) for line in said.splitlines())


def test_a_file_that_is_no_utf_8_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"name: x\nabout: \xfc\n")
    with pytest.raises(BadScenario, match=r":2: not UTF-8 text"):
        read_scenarios(file)


def test_all_files_are_told_of_before_anything_is_played(tmp_path: Path) -> None:
    good, bad, worse = (tmp_path / name for name in ("good.yaml", "bad.yaml", "worse.yaml"))
    good.write_text(CHECK)
    bad.write_text("name: x\nsteps: [{job: weekly}]\n")
    worse.write_text("name: x\nsteps: [{jb: weekly}]\n")
    said = CliRunner().invoke(app, ["scenario", "check", str(good)])
    assert (said.exit_code, said.output) == (0, f"{good}: 1 scenario\n")
    for command in ("check", "run"):
        refused = CliRunner().invoke(app, ["scenario", command, str(good), str(bad), str(worse)])
        assert refused.exit_code != 0
        assert [str(one) for one in (bad, worse) if f"{one}:2: " not in str(refused.exception)] == []


def test_given_facts_are_laid_under_each_scenario(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(
        "given: {customers: {C-1: {limit: 5, unlimited: true}}}\n"
        "scenarios:\n  - {name: a, steps: [{days: 1}]}\n"
        "  - {name: b, customers: {C-1: {limit: 10.50}}, steps: [{days: 1}]}\n"
    )
    first, second = (one.scenario for one in read_scenarios(file))
    assert (str(first.customers["C-1"].limit), str(second.customers["C-1"].limit)) == ("5", "10.50")
    assert second.customers["C-1"].unlimited
    assert list(first.companies) == ["DE01"]


def test_short_forms_mean_the_long_ones(tmp_path: Path) -> None:
    file = tmp_path / "short.yaml"
    file.write_text(
        "name: short\n"
        "companies: {DE01: {checkpoints: [invoice], reasons: {release: PAID}, credit_management_groups: [KEY]}}\n"
        "users: {kim: {roles: see, companies: DE01}, ann: {permissions: 'checks:make'}, eve: }\n"
        "steps:\n"
        "  - evaluate:\n"
        "    expect: {reasons: credit_exceeded, events: hold.order.held.v1, hold: {active: true}}\n"
    )
    scenario = read_scenarios(file)[0].scenario
    company, step = scenario.companies["DE01"], scenario.steps[0]
    assert [place.value for place in company.checkpoints] == ["invoice"]
    assert (company.reasons.release, company.credit_management_groups) == (["PAID"], {"KEY": "KEY"})
    assert (scenario.users["kim"].roles, scenario.users["kim"].companies) == (["see"], ["DE01"])
    assert [scenario.users[name].granted for name in ("kim", "ann", "eve")] == [
        ["see"],
        ["checks:make"],
        ["administer"],
    ]
    assert step.action == "evaluate"
    assert step.expect is not None
    assert step.expect.reasons == ["credit_exceeded"]
    assert [one.type for one in step.expect.events or ()] == ["hold.order.held.v1"]
