"""Every event type is documented, has an example that is valid, and its committed documents are fresh."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from holdfast.contracts import TOPICS, Payload
from holdfast.contracts.asyncapi import asyncapi
from holdfast.contracts.generate import FOLDER, main, problems, released
from holdfast.contracts.schemas import all_schemas, catalogue, example_of, key_of, schema_of

TYPES = sorted(catalogue().values(), key=lambda cls: cls.event_type)
every_type = pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.event_type)


@every_type
def test_documented(cls: type[Payload]) -> None:
    assert cls.__doc__
    assert cls.__doc__ is not Payload.__doc__
    assert cls.__doc__.strip().partition("\n")[0].endswith((".", "`"))


@every_type
def test_example_is_read_by_model_and_schema(cls: type[Payload]) -> None:
    read = cls.model_validate_json(json.dumps(cls.example))
    jsonschema.validate(cls.example, schema_of(cls))
    assert cls.model_validate_json(read.model_dump_json()) == read
    assert set(cls.example) <= set(cls.model_fields)


@every_type
def test_money_says_its_currency(cls: type[Payload]) -> None:
    for path, field in _fields(schema_of(cls)):
        if _is_decimal(field):
            assert field.get("description"), f"{cls.event_type} {path} is a number without a unit"


@every_type
def test_key_is_made_of_the_body(cls: type[Payload]) -> None:
    assert "{" in key_of(cls)
    assert example_of(cls)["partitionkey"] == cls.model_validate(cls.example).partition_key()


def test_every_topic_has_a_writer_and_readers() -> None:
    assert all(topic.writer and topic.readers for topic in TOPICS)


def test_asyncapi_names_every_event_type_on_its_topics() -> None:
    document = asyncapi()
    messages = [name for channel in document["channels"].values() for name in channel["messages"]]
    wanted = [name for name, cls in catalogue().items() for _ in cls.topics]
    assert sorted(messages) == sorted(wanted)
    assert sorted(catalogue()) == sorted(document["components"]["messages"])
    silent = {channel["address"] for channel in document["channels"].values() if not channel["messages"]}
    assert silent == set()
    assert {operation["action"] for operation in document["operations"].values()} == {"send", "receive"}


def test_committed_documents_are_fresh_and_compatible() -> None:
    assert problems() == []


def test_every_event_type_is_released() -> None:
    assert released().keys() == all_schemas().keys()


def test_a_new_event_type_is_released_and_one_that_is_known_stays_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], tmp_path) == 0
    known, new = (tmp_path / "released" / f"{name}.json" for name in sorted(all_schemas())[:2])
    known.write_text("{}")
    new.unlink()
    assert main(["--check"], tmp_path) == 1
    assert f"{new.stem} is not among the released" in capsys.readouterr().err
    assert main([], tmp_path) == 1
    assert (known.read_text(), new.exists()) == ("{}", True)


def test_stale_and_left_over_documents_are_named(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--release"], tmp_path) == 0
    (tmp_path / "asyncapi.json").write_text("{}")
    (tmp_path / "schemas" / "erp.gone.v1.json").write_text("{}")
    assert main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err
    assert "asyncapi.json is stale" in said
    assert "schemas/erp.gone.v1.json belongs to no event type" in said


def test_documents_lie_beside_the_package() -> None:
    assert (FOLDER / "asyncapi.json").is_file()


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for owner in (schema, *schema.get("$defs", {}).values()):
        for name, field in owner.get("properties", {}).items():
            yield f"{owner.get('title', '')}.{name}", field


def _is_decimal(field: dict[str, Any]) -> bool:
    return any(choice.get("format") == "decimal" for choice in field.get("anyOf", [field]))
