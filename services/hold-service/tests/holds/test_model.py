"""How an evaluation changes a hold."""

from __future__ import annotations

from decimal import Decimal

from hold_service.holds.model import Outcome, automatic_reason, value_of_lines, weigh
from hold_service.parameters.model import HoldParameters


def test_a_reason_that_is_gone_is_told_and_others_stay() -> None:
    weighed = weigh({"credit_exceeded", "open_transactions_overdue"}, {"credit_exceeded": "x"}, forced=False,
                    automatic=True)  # fmt: skip
    assert (weighed.outcome, list(weighed.gone)) == (Outcome.HELD, ["open_transactions_overdue"])


def test_nothing_left_releases_or_waits_for_a_person() -> None:
    assert weigh({"credit_exceeded"}, {}, forced=False, automatic=True).outcome is Outcome.RELEASED
    waiting = weigh({"credit_exceeded"}, {}, forced=False, automatic=False)
    assert (waiting.outcome, waiting.newly_ready) == (Outcome.READY, True)
    assert not weigh({"ready_for_release"}, {}, forced=False, automatic=False).newly_ready


def test_a_forced_hold_stays_and_its_reason_too() -> None:
    weighed = weigh({"forced_hold", "credit_exceeded"}, {}, forced=True, automatic=True)
    assert (weighed.outcome, list(weighed.gone)) == (Outcome.READY, ["credit_exceeded"])
    back = weigh({"forced_hold", "ready_for_release"}, {"credit_exceeded": "x"}, forced=True, automatic=True)
    assert list(back.gone) == ["ready_for_release"]


def test_the_reason_of_an_automatic_release() -> None:
    settings = HoldParameters(auto_release_reason="AUTO", modified_order_release_reason="MODIFIED")
    modified = {"amount_changed": True, "state_version": None, "order_version": 1, "state_currency": None,
                "order_currency": "EUR", "state_total": None, "order_total": Decimal(1)}  # fmt: skip
    untouched = modified | {"amount_changed": False}
    assert (automatic_reason(settings, untouched), automatic_reason(settings, modified)) == ("AUTO", "MODIFIED")
    assert automatic_reason(HoldParameters(auto_release_reason="AUTO"), modified) == "AUTO"


def test_the_value_of_lines_includes_tax_and_their_share_of_the_charges() -> None:
    lines = [{"line": 1, "net_amount": "100", "tax_amount": "19"}, {"line": 2, "net_amount": "50", "tax_amount": "0"}]
    assert value_of_lines(lines, [1], Decimal(169), "EUR") == Decimal(119)
    assert value_of_lines(lines, [1], Decimal(179), "EUR") == Decimal("126.04")
    assert value_of_lines(lines, [1, 2], Decimal(179), "EUR") == Decimal(179)
    assert value_of_lines(lines, [3], Decimal(179), "EUR") is None
