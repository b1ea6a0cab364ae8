"""The scenario files of this folder are played; the schema, the names and the reference page are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from holdfast.cli.app import app
from holdfast.platform.settings import load_settings
from holdfast.scenarios import commands, expected, facts
from holdfast.scenarios.facts import Fact, Facts
from holdfast.scenarios.marked import read_marked
from holdfast.scenarios.names import (
    EXPOSURE,
    GROUP_EXPOSURE,
    HOLD_ENDED,
    HOLD_FIELDS,
    JOBS,
    WORKFLOWS,
)  # fmt: skip
from holdfast.scenarios.naming import page
from holdfast.scenarios.play import GOES_ON, Play
from holdfast.scenarios.reading import read_scenarios
from holdfast.scenarios.runner import Report, play_all, run_files
from holdfast.scenarios.schema import NAME, PAGE, schema
from holdfast.scenarios.stack import running
from holdfast.scenarios.steps import Step

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted(HERE.glob("*.yaml"))


@pytest.mark.timeout(600)
async def test_the_rows_of_the_catalogue(postgres_url: str, server_folder: Path) -> None:
    said: list[str] = []
    report = await run_files(FILES, load_settings(postgres_url=postgres_url, data_dir=server_folder), said.append)
    assert report.failures == []
    assert report.passed > 1500
    assert said[-1] == f"{report.passed} passed, 0 failed"


@pytest.fixture(scope="module")
def checked() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema()))


def test_the_schema_and_the_names_are_those_of_the_code() -> None:
    assert (ROOT / NAME).read_text() == schema(), "write it anew: make contracts"
    assert (ROOT / PAGE).read_text() == page(), "write it anew: make contracts"
    printed = CliRunner().invoke(app, ["scenario", "schema"])
    assert (printed.exit_code, json.loads(printed.output)["title"]) == (0, "Holdfast scenarios")
    assert CliRunner().invoke(app, ["scenario", "names"]).output == page()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_plays_is_right_for_an_editor(checked: jsonschema.Draft202012Validator, file: Path) -> None:
    checked.validate(read_marked(file).value)


def test_what_is_wrong_is_wrong_for_an_editor(checked: jsonschema.Draft202012Validator) -> None:
    right = {"name": "x", "steps": [{"invoice": {"document": 4711, "amount": 5, "days_late": 3}}]}
    assert checked.is_valid(right)
    wrong = (
        right | {"step": []}, right | {"steps": []}, {"scenarios": [{"name": "x"}]},
        right | {"steps": [{"invoice": {"documnet": "I-1"}}]}, right | {"steps": [{"job": "weekly"}]},
        right | {"steps": [{"days": 1, "expect": {"events": ["hold.nothing.v1"]}}]},
        right | {"companies": {"DE01": {"parameters": {"auto_relase": True}}}},
    )  # fmt: skip
    assert [body for body in wrong if checked.is_valid(body)] == []


@pytest.mark.timeout(120)
async def test_the_names_that_no_document_has_are_those_that_come(
    postgres_url: str, server_folder: Path, tmp_path: Path
) -> None:
    settings = load_settings(postgres_url=postgres_url, data_dir=server_folder)
    async with running(settings) as stage:
        jobs = {row["name"] for pool in stage.pools.values() for row in await pool.fetch("SELECT name FROM job")}
        play = Play(stage, 1, read_scenarios(_seen(tmp_path))[0].scenario)
        await stage.services.while_running(play_all(stage, read_scenarios(_seen(tmp_path)), Report(lambda _: None)))
        shown = [list((await play.get(service, path)).body) for service, path in (
            ("hold-service", "/v1/holds/H-000001"), ("hold-service", "/v1/holds/H-000002"),
            ("credit-service", f"/v1/exposures/{play.path_of(None)}/C-1"),
            ("credit-service", f"/v1/credit-groups/{play.names.name('G-1')}/exposure"))]  # fmt: skip
        known = [(await play.get(service, f"/v1/workflows/{play.path_of(None)}/{kind}")).status
                 for service, kinds in WORKFLOWS.items() for kind in kinds]  # fmt: skip
    assert [sorted(fields) for fields in shown] == [
        sorted([*HOLD_FIELDS, *HOLD_ENDED]), sorted(HOLD_FIELDS), sorted(EXPOSURE), sorted(GROUP_EXPOSURE),
    ]  # fmt: skip
    assert jobs - {*GOES_ON} == {*JOBS}
    assert known == [200] * len(known)


def _seen(folder: Path) -> Path:
    file = folder / "seen.yaml"
    file.write_text(
        "name: seen\n"
        "companies: {DE01: {checkpoints: confirmation, rules: [{kind: credit_limit_used, value: 100}],"
        " reasons: {release: PAID}}}\n"
        "customers: {C-1: {limit: 1}}\n"
        "credit_groups: {G-1: {limit: 5, members: C-1}}\n"
        "steps:\n"
        "  - check: {order: O-1, total: 5}\n"
        "  - release: {order: O-1, reason: PAID}\n"
        "  - check: {order: O-2, total: 5}\n"
        "    expect: {holds: 1}\n"
    )
    return file


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
    assert report.passed > 60


def _wrapped(given: str, block: str) -> str:
    """An example of steps as the steps of a scenario, one of facts as its facts."""
    if block.startswith("name:"):
        return block
    steps = f"steps:\n{block}" if block.startswith("- ") else f"steps: [{{days: 1}}]\n{block}"
    scenario = "".join(f"    {line}\n" for line in f"name: x\n{steps}".splitlines())
    return f"{given}scenarios:\n  -\n{scenario}"


def test_every_element_has_an_example_on_the_reference_page() -> None:
    text = (ROOT / "docs" / "scenarios.md").read_text()
    parts = [part for module in (commands, expected, facts) for part in vars(module).values()]
    models = {part for part in parts if isinstance(part, type) and issubclass(part, Fact)} | {Facts, Step}
    names = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", text)) == []
