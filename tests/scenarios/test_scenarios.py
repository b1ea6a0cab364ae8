"""The scenario files of this folder are played; and what is wrong with a file is told by line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holdfast.cli.app import app
from holdfast.platform.settings import load_settings
from holdfast.scenarios.expecting import dig, same
from holdfast.scenarios.facts import CompanyFact, CustomerFact, Facts, GroupFact
from holdfast.scenarios.marked import BadScenario
from holdfast.scenarios.reading import read_scenarios
from holdfast.scenarios.runner import run_files
from holdfast.scenarios.schema import NAME, schema
from holdfast.scenarios.steps import Expect, ListExpected, Step

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted(HERE.glob("*.yaml"))


@pytest.mark.timeout(600)
async def test_the_rows_of_the_catalogue(postgres_url: str, server_folder: Path) -> None:
    said: list[str] = []
    report = await run_files(FILES, load_settings(postgres_url=postgres_url, data_dir=server_folder), said.append)
    assert report.failures == []
    assert report.passed > 800
    assert said[-1] == f"{report.passed} passed, 0 failed"


async def test_what_differs_is_told_with_its_line(postgres_url: str, server_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "name: wrong\n"
        "companies: {DE01: {checkpoints: {confirmation: {}}}}\n"
        "customers: {C-1: {limit: 1}}\n"
        "steps:\n"
        "  - check: {order: O-1, total: 5}\n"
        "    expect:\n"
        "      checked: false\n"
        "      outcome: held\n"
        "  - release: {order: O-1, reason: NONE}\n"
    )
    said: list[str] = []
    report = await run_files([file], load_settings(postgres_url=postgres_url, data_dir=server_folder), said.append)
    assert said == [
        f"FAIL  wrong: step 1 check: outcome: expected held, got cleared ({file}:8)",
        f"FAIL  wrong: step 1 check: checked: expected False, got True ({file}:7)",
        f"FAIL  wrong: order O-1 has never been held ({file}:9)",
        "0 passed, 3 failed",
    ]
    assert report.failed == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\nsteps:\n  - chek: {order: O-1}\n", ":3: steps.0.chek: is not known here"),
        ("name: x\nsteps:\n  - check:\n      total: 1\n", ":3: steps.0.check.order: Field required"),
        (
            "name: x\nsteps:\n  - check: {order: O-1}\n    job: y\n",
            ":3: steps.0: a step is one thing, not check and job",
        ),
        ("name: x\nsteps:\n  - invoice:\n      documnet: I-1\n", ":4: erp.invoice.posted.v1 has no field documnet"),
        ("name: x\nname: y\n", ":2: name is written twice"),
        ("name: [x\n", "not YAML"),
        ("scenarios: 3\n", ":1: scenarios is a list"),
        ("given: {today: 2026-13-01}\nscenarios: [{name: x, steps: [{days: 1}]}]\n", ":1: today"),
        ("scenarios: []\nrules: []\n", ":2: rules is not known here"),
        ("", "nothing to play"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(BadScenario, match=re.escape(told)):
        read_scenarios(file)


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


def test_values_are_compared_as_people_mean_them() -> None:
    assert same(100, "100.00")
    assert same(90, {"amount": "90.00", "currency": "EUR"})
    assert same("90.00 EUR", {"amount": "90.00", "currency": "EUR"})
    assert not same(True, 1)
    assert dig({"items": [{"a": 1}]}, "items.0.a") == 1
    assert dig({"items": []}, "items.0.a") is None


def test_the_schema_is_the_one_of_the_code() -> None:
    assert (ROOT / NAME).read_text() == schema(), "write it anew: python -m holdfast.scenarios.schema"
    printed = CliRunner().invoke(app, ["scenario", "schema"])
    assert (printed.exit_code, json.loads(printed.output)["title"]) == (0, "ScenarioFile")


@pytest.mark.timeout(300)
async def test_every_example_of_the_reference_page_plays(
    postgres_url: str, server_folder: Path, tmp_path: Path
) -> None:
    first, *others = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "scenarios.md").read_text(), re.S)
    files = [tmp_path / f"block-{number}.yaml" for number in range(len(others) + 1)]
    given = first[: first.index("scenarios:")]
    for file, block in zip(files, [first, *(_wrapped(given, block) for block in others)], strict=True):
        file.write_text(block)
    said: list[str] = []
    report = await run_files(files, load_settings(postgres_url=postgres_url, data_dir=server_folder), said.append)
    assert report.failures == []
    assert report.passed > 40


def _wrapped(given: str, block: str) -> str:
    """An example of steps as the steps of a scenario, one of facts as its facts."""
    if block.startswith("name:"):
        return block
    steps = f"steps:\n{block}" if block.startswith("- ") else f"steps: [{{days: 1}}]\n{block}"
    scenario = "".join(f"    {line}\n" for line in f"name: x\n{steps}".splitlines())
    return f"{given}scenarios:\n  -\n{scenario}"


def test_every_element_has_an_example_on_the_reference_page() -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text()
    models = (Facts, CompanyFact, CustomerFact, GroupFact, Step, Expect, ListExpected)
    names = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", page)) == []
