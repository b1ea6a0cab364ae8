"""A hold is named by its number: what is none is refused with its field, and what nobody has is not found."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("reasons")


@pytest.fixture
async def held(hold: Any, ask: Any) -> str:
    """O-1 is held."""
    await hold.set_up(limit="100")
    (answer,) = await hold.check(ask.request("O-1", "600"))
    return str(answer["hold"])


@pytest.mark.parametrize("number", ["H-" + "9" * 5000, "H-" + "9" * 19, "H-17", "H-", "17", "H-٠٠٠٠٠١", "H-00001x"])
async def test_what_is_no_number_is_refused(held: str, kim: Any, number: str) -> None:
    evaluated = await kim.post("/holds/evaluate", {"holds": [held, number]})
    assert (evaluated.status_code, evaluated.json()["errors"][0]["field"]) == (422, "holds.1")
    acted = await kim.post("/holds/bulk", {"action": "evaluate", "holds": [{"hold": number}]})
    assert (acted.status_code, acted.json()["errors"][0]["field"]) == (422, "holds.0.hold")
    assert (await kim.client.get("/v1/holds", params={"hold": number})).status_code == 422
    assert (await kim.client.get(f"/v1/holds/{number}")).status_code in (404, 422)


async def test_what_nobody_has_is_not_found(held: str, kim: Any) -> None:
    largest = "H-" + "9" * 18
    missing = await kim.post("/holds/evaluate", {"holds": [held, largest]})
    assert (missing.status_code, largest in missing.json()["detail"]) == (404, True)
    (line,) = (await kim.post("/holds/bulk", {"action": "evaluate", "holds": [{"hold": largest}]})).json()["items"]
    assert (line["ok"], line["problem"]["status"]) == (False, 404)
    assert (await kim.client.get(f"/v1/holds/{largest}")).status_code == 404


async def test_a_hold_that_is_named_twice_is_evaluated_once(held: str, kim: Any) -> None:
    done = await kim.post("/holds/evaluate", {"holds": [held, held]})
    assert [item["hold"] for item in done.json()["items"]] == [held]
