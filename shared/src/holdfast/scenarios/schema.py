"""Writes the JSON Schema of scenario files and the page of names: `python -m holdfast.scenarios.schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from holdfast.contracts import REGISTRY
from holdfast.platform.settings import checkout
from holdfast.scenarios.commands import EVENTS
from holdfast.scenarios.events import IN_FACTS, OWN_FIELDS
from holdfast.scenarios.names import FIGURES, JOBS, names
from holdfast.scenarios.naming import page
from holdfast.scenarios.steps import Scenario, ScenarioFile

NAME = "docs/scenarios/scenario.schema.json"
PAGE = "docs/scenarios/names.md"
REF = "#/$defs/{model}"
Schema = dict[str, Any]


def schema() -> str:
    """The schema as it is committed: a file of several scenarios, or a single one."""
    models = [(Scenario, "validation"), (ScenarioFile, "validation")]
    _, made = models_json_schema(models, by_alias=True, ref_template=REF)  # type: ignore[arg-type]
    defs = {name: _lenient(part) for name, part in made["$defs"].items()}
    _with_events(defs)
    _with_names(defs)
    top: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Holdfast scenarios",
        "description": "A file of scenarios (`given`, `scenarios`), or a single one (`name`, facts, `steps`)",
        "if": {"required": ["scenarios"]}, "then": {"$ref": "#/$defs/ScenarioFile"},
        "else": {"$ref": "#/$defs/Scenario"}, "$defs": defs,
    }  # fmt: skip
    return json.dumps(top, indent=1, sort_keys=True) + "\n"


def _lenient(value: Any) -> Any:
    """Names and amounts may be written as numbers."""
    if isinstance(value, list):
        return [_lenient(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: _lenient(item) for name, item in value.items() if name != "title" or isinstance(item, dict)}
    kind = made.get("format", "decimal")
    if made.get("type") == "string" and kind == "decimal" and not {"enum", "const"} & made.keys():
        made["type"] = ["string", "number"]
    return made


def _with_events(defs: Schema) -> None:
    """The bodies of the ERP's events, from the catalogue; all may leave out what is filled in."""
    models = [(REGISTRY[kind], "validation") for kind in EVENTS.values()]
    refs, made = models_json_schema(models, ref_template=REF)  # type: ignore[arg-type]
    defs |= {name: part for name, part in _lenient(made["$defs"]).items() if name not in defs}
    for short, kind in EVENTS.items():
        ref = refs[REGISTRY[kind], "validation"]["$ref"]
        body = defs[ref.rsplit("/")[-1]]
        body.pop("required", None)
        body["additionalProperties"] = False
        if short == "invoice":
            body["properties"] |= {name: {"type": "integer"} for name in sorted(OWN_FIELDS)}
        said = defs["Step"]["properties"][short].get("description", f"as in {kind}")
        defs["Step"]["properties"][short] = {"anyOf": [{"$ref": ref}, {"type": "null"}], "description": said}
        for field in (name for name, of in IN_FACTS.items() if of == short):
            for facts in ("Facts", "Scenario"):
                defs[facts]["properties"][field]["items"] = {"$ref": ref}


def _with_names(defs: Schema) -> None:
    """The names that the services know."""
    known = names()
    parameters = {name: {"description": about} for name, about in known.described.items()}
    for model in ("CompanyFact", "SetupStep"):
        defs[model]["properties"]["parameters"] |= {"properties": parameters}
    defs["CompanyFact"]["properties"]["parameters"] |= {"additionalProperties": False}
    about = "; ".join(f"{kind}: {words}" for kind, words in known.rule_kinds.items())
    defs["RuleFact"]["properties"]["kind"] = {"type": "string", "examples": [*known.rule_kinds], "description": about}
    defs["TaskStep"]["properties"]["name"] |= {"type": "string", "enum": sorted(known.tasks)}
    defs["Step"]["properties"]["job"] |= {"anyOf": [{"enum": sorted(JOBS)}]}
    defs["EventExpected"]["properties"]["type"] |= {"type": "string", "enum": sorted(REGISTRY)}
    defs["EventFact"]["properties"]["type"] |= {"type": "string", "enum": sorted(REGISTRY)}
    types: Schema = {"type": "string", "enum": sorted(REGISTRY)}
    one: Schema = {"anyOf": [types, {"$ref": "#/$defs/EventExpected"}]}
    defs["Expect"]["properties"]["events"] |= {"anyOf": [one, {"type": "array", "items": one}]}
    defs["Expect"]["properties"]["figures"] |= {"properties": {name: {} for name in FIGURES}}


def main() -> int:
    """The command."""
    root = checkout() or Path()
    (root / NAME).parent.mkdir(parents=True, exist_ok=True)
    (root / NAME).write_text(schema())
    (root / PAGE).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
