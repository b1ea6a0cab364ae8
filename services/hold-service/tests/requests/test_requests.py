"""From a hold to the ways of mending it: asking credit-service for a limit, and collections for a call."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("reasons")
WANTED = {"amount": {"amount": "700.00", "currency": "EUR"}, "from_date": "2026-03-02", "to_date": "2026-03-31"}


@pytest.fixture
async def held(hold: Any, ask: Any) -> str:
    """O-1 of 600 is held over a limit of 100."""
    await hold.set_up(limit="100")
    return str((await hold.check(ask.request("O-1", "600")))[0]["hold"])


async def test_a_temporary_limit_is_asked_for_by_event(hold: Any, held: str, kim: Any) -> None:
    done = await kim.post(f"/holds/{held}/temporary-limit-requests", WANTED | {"note": "pays on the 30th"})
    kind, event = (await hold.published())[-1]
    assert (done.status_code, kind) == (201, "hold.temporary-limit.requested.v1")
    assert (event["hold"], event["order"], event["amount"], event["to_date"], event["requested_by"]) == (
        held, "O-1", "700.00", "2026-03-31", "kim")  # fmt: skip
    assert (done.json()["request"], done.json()["note"]) == (event["request"], "pays on the 30th")
    assert (await kim.get(f"/holds/{held}"))["version"] == 1


async def test_a_call_is_asked_for_by_event(hold: Any, held: str, kim: Any) -> None:
    done = await kim.post(f"/holds/{held}/call-requests", {"due_date": "2026-03-04", "note": "ask about I-42"})
    kind, event = (await hold.published())[-1]
    assert (done.status_code, kind) == (201, "hold.call.requested.v1")
    assert (event["customer"], event["due_date"], event["note"]) == ("C-1", "2026-03-04", "ask about I-42")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": {"amount": "700.00", "currency": "USD"}}, "amount.currency"),
        ({"amount": {"amount": "-1", "currency": "EUR"}}, "amount.amount: below 0"),
        ({"to_date": "2026-03-01"}, "before from_date"),
        ({"from_date": "2026-02-01", "to_date": "2026-03-01"}, "to_date"),
        ({"amount": {"amount": "0.001", "currency": "EUR"}}, "amount.amount"),
    ],
)
async def test_what_cannot_be_granted_is_refused(
    hold: Any, held: str, kim: Any, changes: dict[str, Any], said: str
) -> None:
    before = await hold.published()
    done = await kim.post(f"/holds/{held}/temporary-limit-requests", WANTED | changes)
    assert done.status_code == 422
    assert said in str(done.json())
    assert await hold.published() == before


async def test_only_an_active_hold_of_a_company_of_yours(hold: Any, held: str, kim: Any, person: Any) -> None:
    eve = await person("eve", ["administer"], ["US01"])
    assert (await eve.post(f"/holds/{held}/call-requests", {})).status_code == 404
    clerk = await person("ann", ["see"])
    assert (await clerk.post(f"/holds/{held}/call-requests", {})).status_code == 403
    await kim.act(held, "release", reason="PAID")
    assert (await kim.post(f"/holds/{held}/call-requests", {})).status_code == 409
