"""Records are read in both modes of CloudEvents; whatever cannot be read says why, and whose it is."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bus.envelope import Tombstone, UnknownType, decode, encode
from holdfast.bus.port import Record
from holdfast.bus.undigestible import MOST_TOLD, Undigestible
from holdfast.contracts import REGISTRY, Payload
from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.erp_receivables import InvoicePosted
from holdfast.contracts.schemas import catalogue
from holdfast.database.pool import to_json

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
TYPE = "erp.invoice.posted.v1"
BODY = json.dumps(InvoicePosted.example).encode()
HEADERS = {
    "ce_specversion": b"1.0", "ce_id": b"e-1", "ce_source": b"/erp/de", "ce_type": TYPE.encode(),
    "ce_time": b"2026-03-02T09:15:00Z", "content-type": b"application/json",
}  # fmt: skip


def record(
    value: bytes | None = BODY, topic: str = "erp.receivables.v1", key: str | None = "X/Y", **change: Any
) -> Record:
    headers = {
        k: v for k, v in (HEADERS | {k.replace("__", "-"): v for k, v in change.items()}).items() if v is not None
    }
    return Record(topic, 0, 7, key, tuple(headers.items()), value, 0)


def structured(**change: Any) -> Record:
    event = {"specversion": "1.0", "id": "e-1", "source": "/erp/de", "type": TYPE,
             "time": "2026-03-02T09:15:00Z", "data": InvoicePosted.example} | change  # fmt: skip
    kept = {name: value for name, value in event.items() if value is not None}
    headers = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
    return Record("erp.receivables.v1", 0, 7, "X/Y", headers, json.dumps(kept).encode(), 0)


@pytest.mark.parametrize("cls", catalogue().values(), ids=lambda cls: cls.event_type)
def test_what_is_written_is_read(cls: type[Payload]) -> None:
    payload = cls.model_validate(cls.example)
    sent = encode(id="1", source="/s", type=cls.event_type, time=NOW, payload=payload, traceparent=TRACE)
    read = decode(Record(sent.topic, 0, 0, None, sent.headers, sent.value, 0))
    assert (read.id, read.source, read.type, read.time) == ("1", "/s", cls.event_type, NOW)
    assert (read.payload, read.key, read.traceparent) == (payload, sent.key, TRACE)


def test_a_round_amount_is_written_without_an_exponent() -> None:
    """PostgreSQL's driver gives 6240000 back as 6.24E+6, which no reader of the contract takes."""
    round_amount = {"credit_limit": Decimal("6.24E+6"), "currency": "JPY"}
    written = ProfileChanged.model_validate(ProfileChanged.example | round_amount).model_dump_json()
    assert '"credit_limit":"6240000"' in written
    assert ProfileChanged.model_validate_json(written).credit_limit == 6240000
    assert to_json(round_amount) == '{"credit_limit":"6240000","currency":"JPY"}'


def test_the_library_reads_what_we_write() -> None:
    sent = encode(id="1", source="/s", type=TYPE, time=NOW, payload=BODY, extra={"subject": "x"})
    event = kafka.from_binary_event(kafka.KafkaMessage(dict(sent.headers), sent.key, sent.value or b""), JSONFormat())
    assert (event.get_id(), event.get_type(), event.get_time(), event.get_subject()) == ("1", TYPE, NOW, "x")
    assert event.get_data() == InvoicePosted.example


def test_we_read_what_the_library_writes() -> None:
    attributes = {"id": "1", "source": "/s", "type": TYPE, "time": NOW, "datacontenttype": "application/json",
                  "partitionkey": "k"}  # fmt: skip
    event = CloudEvent(attributes, InvoicePosted.example)
    for write in (kafka.to_binary_event, kafka.to_structured_event):
        message = write(event, JSONFormat())
        read = decode(Record("erp.receivables.v1", 0, 0, None, tuple(message.headers.items()), message.value, 0))
        assert (read.id, read.key) == ("1", "DE01/C-1001")


def test_the_key_comes_from_the_body() -> None:
    assert decode(record(key="other/one")).key == "DE01/C-1001"
    assert decode(structured()).key == "DE01/C-1001"


def test_structured_mode_takes_base64() -> None:
    assert decode(structured(data=None, data_base64=base64.b64encode(BODY).decode())).payload.amount == 1190


@pytest.mark.parametrize(
    ("broken", "field", "remedy"),
    [
        (record(ce_id=None), "ce_id", "required"),
        (record(ce_id=b""), "ce_id", "required"),
        (record(ce_id=b"x" * 300), "ce_id", "shorter"),
        (record(ce_id=b"a\x00b"), "ce_id", "NUL"),
        (record(ce_id=b"\xff"), "ce_id", "UTF-8"),
        (record(ce_source=None), "ce_source", "required"),
        (record(ce_type=None), "ce_type", "ce_type"),
        (record(ce_time=None), "ce_time", "required"),
        (record(ce_time=b"yesterday"), "ce_time", "2026-03-02T09:15:00Z"),
        (record(ce_time=b"2026-03-02T09:15:00"), "ce_time", "2026-03-02T09:15:00Z"),
        (record(ce_time=b"0001-01-01T00:00:00+14:00"), "ce_time", "2026"),
        (record(ce_specversion=b"0.3"), "ce_specversion", "1.0"),
        (record(ce_specversion=None), "ce_specversion", "1.0"),
        (record(content__type=b"application/xml"), "content-type", "application/json"),
        (record(content__type=b"application/cloudevents-batch+json"), "content-type", "binary mode"),
        (record(content__type=b"application/cloudevents+avro"), "content-type", "binary mode"),
        (record(topic="erp.orders.v1"), "ce_type", "erp.receivables.v1"),
        (record(b"{"), "body", "JSON object"),
        (record(b"[]"), "body", "JSON object"),
        (record(b""), "body", "JSON object"),
        (record(b"\xff\xfe"), "body", "JSON object"),
        (record(BODY.replace(b'"1190.00"', b"1" * 5000)), "body", "JSON object"),
        (record(b"[" * 9000), "body", "JSON object"),
        (record(None), "body", "cancellation"),
        (record(BODY.replace(b'"1190.00"', b"1" * 300)), "amount", "JSON string"),
        (structured(id=None), "id", "attribute id; it is required"),
        (structured(id=7), "id", "required"),
        (structured(time=None), "time", "Send the attribute time;"),
        (structured(data=None), "body", "JSON object"),
        (structured(data=None, data_base64="!"), "data_base64", "JSON"),
        (structured(datacontenttype="text/plain"), "datacontenttype", "attribute datacontenttype"),
        (structured(specversion="0.3"), "specversion", "attribute specversion"),
    ],
)  # fmt: skip
def test_undigestible(broken: Record, field: str, remedy: str) -> None:
    with pytest.raises(Undigestible) as caught:
        decode(broken)
    assert caught.value.field == field
    assert remedy in caught.value.remedy
    assert all(part in str(caught.value) for part in (field, caught.value.value, caught.value.remedy))


def test_all_that_is_wrong_is_told_the_attributes_before_the_body() -> None:
    body = InvoicePosted.example | {"amount": 5.5, "document": "", "currency": "EUX"}
    broken = undigestible(record(json.dumps(body).encode(), ce_specversion=b"0.3", ce_time=b"yesterday"))
    assert {refusal.field for refusal in broken.more} == {"ce_time", "amount", "document", "currency"}
    assert broken.field == "ce_specversion"


def test_more_faults_than_anybody_reads_are_not_told() -> None:
    lines = [{"line": "x", "net_amount": 1} for _ in range(MOST_TOLD)]
    broken = undigestible(record(json.dumps(InvoicePosted.example | {"lines": lines}).encode()))
    assert len(broken.refusals) == MOST_TOLD


def undigestible(broken: Record) -> Undigestible:
    with pytest.raises(Undigestible) as caught:
        decode(broken)
    return caught.value


def test_whose_it_is_comes_from_the_body_where_it_can() -> None:
    broken = undigestible(record(json.dumps(InvoicePosted.example | {"amount": 5.5}).encode()))
    assert (broken.key, broken.parties) == ("DE01/C-1001", (("DE01", "C-1001"),))
    broken = undigestible(structured(data=InvoicePosted.example | {"amount": None}))
    assert (broken.key, broken.parties) == ("DE01/C-1001", (("DE01", "C-1001"),))


def test_whose_it_is_comes_from_the_record_key_otherwise() -> None:
    broken = undigestible(record(b"{", key="DE01/C-7"))
    assert (broken.key, broken.parties) == ("DE01/C-7", (("DE01", "C-7"),))
    assert undigestible(record(b"{", key=None)).parties == ()
    assert undigestible(record(b"{", key="a\x00/b")).key is None
    assert undigestible(record(b"{", topic="erp.reference.v1", key="company/DE01")).parties == ()


def test_a_settlement_across_customers_concerns_both() -> None:
    cls = REGISTRY["erp.settlement.posted.v1"]
    body = json.dumps(cls.example | {"credit_customer": "C-2", "version": 0}).encode()
    assert undigestible(record(body, ce_type=cls.event_type.encode())).parties == (
        ("DE01", "C-1001"),
        ("DE01", "C-2"),
    )


def test_unknown_types_and_tombstones_are_ignored() -> None:
    with pytest.raises(UnknownType):
        decode(record(b"anything", ce_type=b"erp.invoice.posted.v9"))
    with pytest.raises(Tombstone):
        decode(Record("erp.customers.v1", 0, 0, "DE01/C-1", (), None, 0))


def test_a_long_value_is_shortened() -> None:
    broken = undigestible(record(json.dumps(InvoicePosted.example | {"customer": "x" * 500}).encode()))
    assert len(broken.value) == 80


def outcome(broken: Record) -> str:
    """What became of a record, as text; any other exception than the two allowed ones comes out."""
    try:
        return decode(broken).key
    except Undigestible as problem:
        return f"{problem} {problem.key} {problem.parties}"
    except UnknownType as problem:
        return str(problem)


header = st.sampled_from(sorted(HEADERS))
garbage = st.binary(max_size=60) | st.sampled_from([*HEADERS.values(), b"application/cloudevents+json"])


@given(
    st.dictionaries(header, garbage),
    st.binary(max_size=200) | st.just(BODY),
    st.none() | st.text(max_size=20),
)
def test_garbage_is_undigestible_or_valid(headers: dict[str, bytes], body: bytes, key: str | None) -> None:
    broken = Record("erp.receivables.v1", 0, 0, key, tuple((HEADERS | headers).items()), body, 0)
    assert "\x00" not in outcome(broken)


MEMBERS = ["id", "source", "type", "time", "data", "data_base64", "specversion"]
VALUES = st.none() | st.text(max_size=5) | st.integers() | st.lists(st.integers(), max_size=2) | st.floats()


@given(st.dictionaries(st.sampled_from(MEMBERS), VALUES))
def test_structured_garbage_is_undigestible_or_valid(change: dict[str, Any]) -> None:
    assert outcome(structured(**change))


@pytest.mark.parametrize(
    "trace", [b"", b"a\0b", b"\xff", b"00-ab-cd-01", TRACE.upper().encode(), TRACE.encode() + b"\n"]
)
def test_a_trace_that_nobody_could_read_is_left_out(trace: bytes) -> None:
    cls = REGISTRY[TYPE]
    sent = encode(id="1", source="/s", type=TYPE, time=NOW, payload=cls.model_validate(cls.example))
    assert (
        decode(Record(sent.topic, 0, 0, None, (*sent.headers, ("ce_traceparent", trace)), sent.value, 0)).traceparent
        is None
    )
