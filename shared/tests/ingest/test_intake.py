"""What is posted becomes exactly the record the ERP would have produced itself, or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bus.envelope import decode
from holdfast.bus.port import Record
from holdfast.bus.undigestible import Undigestible
from holdfast.contracts import REGISTRY
from holdfast.contracts.schemas import catalogue, example_of
from holdfast.ingest.intake import MAX_EVENT_BYTES, TooLarge, from_binary, from_structured, parse

FROM_ERP = [name for name in catalogue() if name.startswith("erp.")]
EXAMPLE = example_of(REGISTRY["erp.payment.posted.v1"])
HEADERS = {
    "CE-SpecVersion": "1.0", "ce-id": "p%20-1", "ce-source": "/erp/de", "ce-type": "erp.payment.posted.v1",
    "ce-time": "2026-03-30T10:00:00Z", "content-type": "application/json; charset=utf-8",
}  # fmt: skip
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BODY = json.dumps(EXAMPLE["data"]).encode()


@pytest.mark.parametrize("name", FROM_ERP)
def test_every_example_can_be_posted(name: str) -> None:
    event = example_of(REGISTRY[name])
    sent = from_structured(json.loads(json.dumps(event))).outgoing
    read = decode(Record(sent.topic, 0, 0, sent.key, sent.headers, sent.value, 0))
    assert (read.id, read.type, read.key) == (event["id"], name, event["partitionkey"])
    assert read.payload == REGISTRY[name].model_validate(event["data"])


def test_binary_mode_and_the_attributes_that_travel_along() -> None:
    accepted = from_binary(HEADERS | {"ce-subject": "PAY", "ce-partitionkey": "forged", "ce-traceparent": TRACE}, BODY)
    headers = dict(accepted.outgoing.headers)
    assert accepted.id == "p -1"
    assert accepted.outgoing.value == BODY
    assert accepted.outgoing.key == "DE01/C-1001"
    assert headers["ce_partitionkey"] == b"DE01/C-1001"
    assert (headers["ce_subject"], headers["ce_traceparent"]) == (b"PAY", TRACE.encode())


def test_the_companies_it_speaks_of() -> None:
    def companies(name: str) -> frozenset[str]:
        return from_structured(example_of(REGISTRY[name])).companies

    assert companies("erp.payment.posted.v1") == {"DE01"}
    assert companies("erp.payment-terms.changed.v1") == {"DE01"}
    assert companies("erp.exchange-rate.published.v1") == frozenset()


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ([], "event"),
        (EXAMPLE | {"type": "hold.order.cleared.v1"}, "type"),
        (EXAMPLE | {"type": "erp.payment.posted.v9"}, "type"),
        (EXAMPLE | {"type": None}, "type"),
        (EXAMPLE | {"id": ""}, "id"),
        (EXAMPLE | {"Shouting": "x"}, "Shouting"),
        (EXAMPLE | {"subject": "a\x00"}, "subject"),
        (EXAMPLE | {"datacontenttype": "application/cloudevents+json"}, "datacontenttype"),
        (EXAMPLE | {"data": EXAMPLE["data"] | {"amount": 1190.0}}, "amount"),
    ],
)
def test_refused(event: Any, field: str) -> None:
    with pytest.raises(Undigestible) as caught:
        from_structured(event)
    assert caught.value.field == field
    assert caught.value.remedy


def test_a_header_is_called_as_it_was_sent() -> None:
    with pytest.raises(Undigestible) as caught:
        from_binary({name: value for name, value in HEADERS.items() if name != "ce-time"}, BODY)
    assert (caught.value.field, caught.value.remedy) == ("ce-time", "Send the header ce-time; it is required.")


@pytest.mark.parametrize("content", ["", "application/x-www-form-urlencoded", "application/json"])
def test_an_event_without_its_content_type_is_told_it(content: str) -> None:
    with pytest.raises(Undigestible) as caught:
        from_binary({"content-type": content} if content else {}, json.dumps(EXAMPLE).encode())
    assert (caught.value.field, caught.value.value) == ("content-type", content or "nothing")
    assert "content-type: application/cloudevents+json" in caught.value.remedy


def test_an_unknown_type_hides_no_other_attribute() -> None:
    with pytest.raises(Undigestible) as caught:
        from_structured(EXAMPLE | {"type": "erp.nothing.v1", "time": "yesterday", "specversion": "2"})
    assert [refusal.field for refusal in caught.value.refusals] == ["type", "specversion", "time"]


def test_too_large() -> None:
    with pytest.raises(TooLarge):
        from_binary(HEADERS, b" " * (MAX_EVENT_BYTES + 1))


def test_no_json() -> None:
    with pytest.raises(Undigestible, match="Send JSON"):
        parse(b"{")


@given(st.dictionaries(st.sampled_from([*HEADERS, "ce-x", "ce-"]), st.text(max_size=20)), st.binary(max_size=50))
def test_binary_garbage_is_refused_or_taken(headers: dict[str, str], body: bytes) -> None:
    try:
        taken = bool(from_binary(HEADERS | headers, body))
    except Undigestible as problem:
        taken = not problem.remedy
    assert not taken


def test_a_trace_that_nobody_could_read_does_not_travel_along() -> None:
    accepted = from_structured(EXAMPLE | {"traceparent": "a\x00b"})
    assert "ce_traceparent" not in dict(accepted.outgoing.headers)
