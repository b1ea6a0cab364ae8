"""What is wrong with a body as a whole names its field, value and remedy like what is wrong with one field."""

from __future__ import annotations

from typing import Any

import pytest

RELEASE, BULK, FORCE = "/holds/H-000001/release", "/holds/bulk", "/forced-holds"
LIMIT = "/holds/H-000001/temporary-limit-requests"
DATES = {"from_date": "2026-03-02", "to_date": "2026-03-31"}
WRONG: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "lines and an amount": (
        RELEASE,
        {"reason": "PAID", "lines": [1], "up_to_amount": "10"},
        {"field": "lines", "value": "[1]", "problem": "sent together with up_to_amount",
         "remedy": "Send either lines or up_to_amount."},
    ),
    "a release without a reason": (
        BULK,
        {"action": "release", "holds": [{"hold": "H-000001"}]},
        {"field": "reason", "value": "nothing", "problem": "a release needs one",
         "remedy": "Send a release reason of the orders' company."},
    ),
    "a hold that is named twice": (
        BULK,
        {"action": "evaluate", "holds": [{"hold": "H-000001"}, {"hold": "H-000002"}, {"hold": "H-000001"}]},
        {"field": "holds.2.hold", "value": "H-000001", "problem": "the same hold is named twice",
         "remedy": "Name each hold once."},
    ),
    "a limit that ends before it begins": (
        LIMIT,
        {"amount": {"amount": "10.00", "currency": "EUR"}, "from_date": "2026-03-02", "to_date": "2026-03-01"},
        {"field": "to_date", "value": "2026-03-01", "problem": "before from_date (2026-03-02)",
         "remedy": "Send a last day that is not before the first."},
    ),
    "a limit below nothing": (
        LIMIT,
        {"amount": {"amount": "-1.00", "currency": "EUR"}, **DATES},
        {"field": "amount.amount", "value": "-1.00", "problem": "below 0", "remedy": "Send a limit of at least 0."},
    ),
    "nobody to hold": (
        FORCE,
        {"company": "DE01", "reason": "FRAUD"},
        {"field": "orders", "value": "nothing", "problem": "neither orders nor customers are named",
         "remedy": "Name orders or customers."},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_the_problem_names_field_value_and_remedy(name: str, kim: Any) -> None:
    path, body, expected = WRONG[name]
    answer = await kim.send("POST", path, body, '"1"')
    assert answer.status_code == 422
    assert answer.json()["errors"] == [expected]
    assert answer.json()["detail"] == f"{expected['field']}: {expected['problem']}"
