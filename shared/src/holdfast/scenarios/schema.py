"""Writes the JSON Schema of scenario files: `python -m holdfast.scenarios.schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from holdfast.platform.settings import checkout
from holdfast.scenarios.steps import ScenarioFile

NAME = "docs/scenarios/scenario.schema.json"


def schema() -> str:
    """The schema as it is committed."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **ScenarioFile.model_json_schema(by_alias=True)}
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


def main() -> int:
    """The command."""
    root = checkout() or Path()
    (root / NAME).parent.mkdir(parents=True, exist_ok=True)
    (root / NAME).write_text(schema())
    return 0


if __name__ == "__main__":
    sys.exit(main())
