"""Write the generated contract documents: `python -m holdfast.contracts.generate [--check | --release]`.

Without an option the documents under `shared/contracts/` are written anew, and event types that are new become part
of the released version. `--check` writes nothing and fails when a document is stale, an event type is not released, or
the catalogue would break users of the released version; `--release` makes all present schemas the released ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.contracts.asyncapi import asyncapi
from holdfast.contracts.compatibility import breaks
from holdfast.contracts.schemas import all_schemas, catalogue, example_of

FOLDER = Path(__file__).parents[3] / "contracts"
GENERATED = ("schemas", "examples")


def documents() -> dict[str, str]:
    """Every generated document as text, by its path below the folder."""
    parts: dict[str, Any] = {f"schemas/{name}.json": schema for name, schema in all_schemas().items()}
    parts |= {f"examples/{name}.json": example_of(cls) for name, cls in catalogue().items()}
    parts["asyncapi.json"] = asyncapi()
    return {path: json.dumps(part, indent=2, ensure_ascii=False) + "\n" for path, part in parts.items()}


def problems(folder: Path = FOLDER) -> list[str]:
    """What is stale or incompatible in `folder`, a sentence each."""
    wanted, found = documents(), _committed(folder)
    stale = [f"{path} is stale; run python -m holdfast.contracts.generate" for path, text in wanted.items()
             if found.get(path) != text]  # fmt: skip
    left = [f"{path} belongs to no event type; delete it" for path in sorted(found.keys() - wanted.keys())]
    known = released(folder)
    new = [f"{name} is not among the released; run python -m holdfast.contracts.generate"
           for name in all_schemas() if name not in known]  # fmt: skip
    return stale + left + new + breaks(known, all_schemas())


def released(folder: Path = FOLDER) -> dict[str, Any]:
    """The schemas of the released version by event type."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((folder / "released").glob("*.json"))}


def write(texts: Mapping[str, str], folder: Path) -> None:
    """Write `texts` below `folder`."""
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def release(folder: Path, *, again: bool) -> None:
    """Make new event types part of the released version, or all as they are now."""
    schemas = {Path(path): text for path, text in documents().items() if path.startswith("schemas/")}
    known = {} if again else released(folder)
    write({f"released/{path.name}": text for path, text in schemas.items() if path.stem not in known}, folder)


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="holdfast.contracts.generate", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale or incompatible")
    parser.add_argument("--release", action="store_true", help="make the present schemas the released ones")
    options = parser.parse_args(arguments)
    if not options.check or options.release:
        write(documents(), folder)
        release(folder, again=options.release)
    found = problems(folder)
    sys.stderr.writelines(f"{problem}\n" for problem in found)
    return 1 if found else 0


def _committed(folder: Path) -> dict[str, str]:
    paths = [path for name in GENERATED for path in (folder / name).glob("*.json")] + [folder / "asyncapi.json"]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths if path.exists()}


if __name__ == "__main__":
    sys.exit(main())
