"""What a document cannot be: each wrong body is refused with its field and a remedy."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from holdfast.contracts import REGISTRY
from holdfast.contracts.refusals import explain
from holdfast.contracts.schemas import catalogue
from holdfast.database.pool import to_json

INVOICE, PAYMENT = "erp.invoice.posted.v1", "erp.payment.posted.v1"
REQUEST = "erp.order.checkpoint-requested.v1"
SETTLEMENT = "erp.settlement.posted.v1"
APPLICATION = {"document": "I", "amount": "1.00"}
LINE = {"line": 1, "ordered": "1", "net_amount": "1"}
NESTED = "[" * 30 + "]" * 30
INSTALLMENT = {"percent": "50", "days": 3}
TOTAL = {"currency": "EUR", "balance": "1", "open_debits": 1, "open_credits": 0}


def refusal(event_type: str, **change: Any) -> tuple[str, str]:
    cls = REGISTRY[event_type]
    with pytest.raises(ValidationError) as caught:
        cls.model_validate_json(json.dumps(cls.example | change))
    first = explain(caught.value)[0]
    assert first.value
    assert not re.search(r"should|pattern|Value error", f"{first.problem} {first.remedy}")
    assert first.remedy.endswith(".")
    return first.field, first.remedy


@pytest.mark.parametrize(
    ("event_type", "change", "field", "remedy"),
    [
        (INVOICE, {"amount": 1190.0}, "amount", "JSON string"),
        (INVOICE, {"lines": [{"line": 2**63, "net_amount": "1"}]}, "lines.0.line", "at most"),
        (REQUEST, {"posting_request": {"a": [{"b": "c\0"}]}}, "posting_request.a.0.b", "Leave it out"),
        (REQUEST, {"posting_request": {"a\0": 1}}, "posting_request.a\\x00", "Leave it out"),
        (REQUEST, {"posting_request": {"a": 10**400}}, "posting_request.a", "as a text"),
        (REQUEST, {"posting_request": {"a": 2**64 - 1}}, "posting_request.a", "as a text"),
        (REQUEST, {"posting_request": {"a": float("inf")}}, "posting_request.a", "as a text"),
        (REQUEST, {"posting_request": {"a": "x" * 60_000}}, "posting_request", "50000 bytes"),
        (REQUEST, {"posting_request": {"a": json.loads(NESTED)}}, "posting_request.a" + ".0" * 18, "flatter"),
        (INVOICE, {"amount": "1.190,00"}, "amount", "no thousands"),
        (INVOICE, {"amount": "1_190"}, "amount", "no thousands"),
        (INVOICE, {"amount": "1e9"}, "amount", "no exponent"),
        (INVOICE, {"amount": "NaN"}, "amount", "decimal"),
        (INVOICE, {"amount": "-1.00"}, "amount", "not negative"),
        (INVOICE, {"amount": "9" * 20}, "amount", "15 digits"),
        (INVOICE, {"amount": "1190.001"}, "amount", "multiple of 0.01 EUR"),
        (INVOICE, {"currency": "JPY", "amount": "1190.50", "lines": []}, "amount", "multiple of 1 JPY"),
        (INVOICE, {"currency": "EUX"}, "currency", "in force"),
        (INVOICE, {"currency": "eur"}, "currency", "capital"),
        (INVOICE, {"tax_amount": "2000.00"}, "tax_amount", "at most amount"),
        (INVOICE, {"cash_discount_amount": "2000.00"}, "cash_discount_amount", "at most amount"),
        (INVOICE, {"original_amount": "1.00"}, "amount", "at most original_amount"),
        (INVOICE, {"document_date": "2026-02-30"}, "document_date", "date"),
        (INVOICE, {"document_date": 20260302}, "document_date", "JSON string"),
        (INVOICE, {"document_date": "20260302"}, "document_date", "YYYY-MM-DD"),
        (INVOICE, {"document_date": "0001-01-01"}, "document_date", "1900"),
        (INVOICE, {"due_date": "9999-12-31"}, "due_date", "2199"),
        (INVOICE, {"company": "DE/01"}, "company", "slashes"),
        (INVOICE, {"customer": ""}, "customer", "at least 1"),
        (INVOICE, {"customer": "C-1 "}, "customer", "blanks"),
        (INVOICE, {"customer": "C\x001"}, "customer", "control"),
        (INVOICE, {"text": "a\x00b"}, "text", "NUL"),
        (INVOICE, {"version": "1"}, "version", "whole number"),
        (INVOICE, {"version": 2**63}, "version", "at most"),
        (INVOICE, {"version": 0}, "version", "at least 1"),
        (PAYMENT, {"amount": "1.00"}, "applications.amount", "at most"),
        (PAYMENT, {"applications": [APPLICATION, APPLICATION]}, "applications.settlement", "Add up"),
        (PAYMENT, {"applications": [{"amount": "1.00"}]}, "applications.0.document", "required"),
        (SETTLEMENT, {"credit_document": "INV-2026-0042"}, "credit_document", "Name the debit"),
        (SETTLEMENT, {"cash_discount_amount": "500"}, "cash_discount_amount", "at most"),
        ("erp.order.changed.v1", {"created_at": "2026-02-20T09:15:00"}, "created_at", "UTC"),
        ("erp.order.changed.v1", {"created_at": 1700000000}, "created_at", "JSON string"),
        ("erp.order.changed.v1", {"origin": "barter"}, "origin", "sales"),
        ("erp.order.changed.v1", {"lines": [LINE, LINE]}, "lines.line", "once"),
        ("erp.delivery.posted.v1", {"amount": "1.234"}, "amount", "multiple"),
        ("erp.company.changed.v1", {"time_zone": "Europe"}, "time_zone", "IANA"),
        ("erp.company.changed.v1", {"time_zone": "../etc"}, "time_zone", "IANA"),
        ("erp.exchange-rate.published.v1", {"rate": "0"}, "rate", "above 0"),
        ("erp.exchange-rate.published.v1", {"to_currency": "USD"}, "to_currency", "no rate"),
        ("erp.payment-terms.changed.v1", {"installments": [INSTALLMENT]}, "installments", "100"),
        ("erp.balance.reported.v1", {"totals": [TOTAL, TOTAL]}, "totals.currency", "one"),
    ],
)  # fmt: skip
def test_refused(event_type: str, change: dict[str, Any], field: str, remedy: str) -> None:
    found_field, found_remedy = refusal(event_type, **change)
    assert found_field == field
    assert remedy in found_remedy


def test_a_missing_field_and_a_blank_at_an_end_are_told_in_plain_words() -> None:
    cls = REGISTRY[INVOICE]
    with pytest.raises(ValidationError) as caught:
        cls.model_validate_json(json.dumps({**cls.example, "document": " I1 ", "customer": None} | {"amount": "x"}))
    (blank,) = (found for found in explain(caught.value) if found.field == "document")
    assert (blank.problem, blank.remedy) == (
        "not written in the form that is asked for", "Leave out blanks at either end and control characters."
    )  # fmt: skip
    with pytest.raises(ValidationError) as caught:
        cls.model_validate_json("{}")
    missing = explain(caught.value)[0]
    assert (missing.value, missing.problem, missing.remedy) == (
        "nothing", "it is missing", "Send this field; it is required."
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"due_date": "2026-01-01"},
        {"amount": "1190"},
        {"amount": "1190.0000"},
        {"amount": "0", "tax_amount": None},
        {"unknown": {"field": 1}},
        {"currency": "KWD", "amount": "1190.123"},
    ],
)
def test_allowed(change: dict[str, Any]) -> None:
    cls = REGISTRY[INVOICE]
    assert cls.model_validate_json(json.dumps(cls.example | change))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(catalogue())), st.data())
def test_every_refusal_can_be_explained(event_type: str, data: st.DataObject) -> None:
    cls = REGISTRY[event_type]
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(cls.model_fields)), JSON, min_size=1, max_size=3))
    try:
        cls.model_validate_json(json.dumps(cls.example | changes))
    except ValidationError as error:
        unclear = [found for found in explain(error) if not found.field or "{" in found.remedy]
    else:
        unclear = []
    assert unclear == []


FREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=5), FREE, max_size=4))
def test_what_is_given_back_as_it_is_can_be_written_or_is_refused(given_free: dict[str, Any]) -> None:
    cls = REGISTRY[REQUEST]
    try:
        read = cls.model_validate_json(json.dumps(cls.example | {"posting_request": given_free}))
    except ValidationError:
        return
    assert json.loads(to_json(read.posting_request)) == given_free  # type: ignore[attr-defined]
    assert "\\u0000" not in to_json(read.posting_request)  # type: ignore[attr-defined]
