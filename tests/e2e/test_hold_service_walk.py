"""The walk in the README of hold-service, typed into a shell against running services, on both transports."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.walking import Printed, walk

from holdfast.platform.stack import Bus


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bus", ["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def test_the_walk(bus: Bus, server_folder: Path) -> None:
    as_told(await walk("hold-service", bus, server_folder))


def as_told(printed: Printed) -> None:
    """Each block has printed what the page says."""
    _, _, set_up, held, explained, approved, forced, tried = printed
    assert [answer.get("status") for answer in set_up[:3]] == [202, 202, 202]
    assert [answer.get("detail") for answer in set_up[3:]] == [None] * 7
    (hold,) = held
    assert (hold["outcome"], hold["reasons"], hold["hold"]) == ("held", ["credit_exceeded"], "H-000001")
    told, takes = explained
    assert any("150.00 %" in sentence for sentence in told["sentences"]), told["sentences"]
    assert [item["reason"] for item in takes["items"]] == ["credit_exceeded"]
    _, asked, refused, done = approved
    assert (asked["active"], asked["workflow_status"]) == (True, "approval_pending")
    assert refused["type"].endswith("approval-not-possible")
    assert (done["closed_as"], done["release_mode"], done["closed_by"]) == ("released", "with_posting", "kim")
    cancelled, order, made, evaluated, ended = forced
    assert (cancelled["status"], order["status"], made["held"]) == (202, 202, 1)
    assert [item["outcome"] for item in evaluated["items"]] == ["ready"]
    assert (ended["succeeded"], ended["items"][0]["outcome"]) == (1, "released")
    run, results = tried
    assert (run["would_be_freed"], run["would_be_held"]) == (1, 0)
    assert [(item["became"], item["decision"]) for item in results["items"]] == [("freed", hold["decision"])]
