"""The walk in the README of credit-service, typed into a shell against running services, on both transports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.e2e.walking import Printed, walk

from holdfast.bus.connect import connect
from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.credit_notices import LimitChanged
from holdfast.contracts.topics import CREDIT
from holdfast.platform.stack import Bus, Stack
from holdfast.testing.topics import read_topic


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bus", ["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def test_the_walk(bus: Bus, server_folder: Path) -> None:
    events: list[list[dict[str, Any]]] = []

    async def read(stack: Stack) -> None:
        records = await read_topic(connect(stack.settings().bus), CREDIT.name)
        for key in sorted({record.key for record in records if record.key and record.key.startswith("RAISE-")}):
            mine = [record for record in records if record.key == key]
            types = [dict(record.headers)["ce_type"].decode() for record in mine]
            assert types == [ProfileChanged.event_type, LimitChanged.event_type] * 2
            events.append([orjson.loads(record.value or b"") for record in mine])

    for printed in await walk("credit-service", bus, server_folder, read):
        as_told(printed)
    assert [
        [(e["sequence"], e.get("version"), e["credit_limit"], e.get("reason")) for e in of_one] for of_one in events
    ] == [[(1, 1, "1000.00", None), (2, None, "1000.00", None), (3, 2, "5000.00", "pays early"),
           (4, None, "5000.00", "pays early")]] * 2  # fmt: skip


def as_told(printed: Printed) -> None:
    """Each block has printed what the page says."""
    _, _, set_up, workflow, asked, approved, arrived = printed
    assert [answer.get("status") for answer in set_up[:3]] == [202, 202, 202]
    assert workflow[0]["active"] is True
    waiting, before = asked
    assert (waiting["approval"]["waits_for"], waiting["credit_limit"]["amount"]) == ("manager", "1000.00")
    assert (before["limit"]["amount"], before["available"]["amount"]) == ("1000.00", "1000.00")
    refused, done, after, history = approved
    assert "four eyes" in refused["detail"]
    assert (done["state"], after["limit"]["amount"]) == ("completed", "5000.00")
    assert [(change["new_limit"]["amount"], change["who"], change["why"]) for change in history["items"]] == [
        ("5000.00", "kim", "pays early"), ("1000.00", "kim", None)]  # fmt: skip
    assert arrived[-1]["accepted_amount"]["amount"] == "5000.00"
