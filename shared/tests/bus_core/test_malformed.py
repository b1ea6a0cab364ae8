"""Whatever arrives, the partition goes on: it takes effect, is ignored, or is a dead letter with its reason."""

from __future__ import annotations

import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared.tests.bus_core.conftest import Journal, Partition
from shared.tests.bus_core.toy import SERVICE, order, record, request, sent

from holdfast.bus import dead_letters

GOOD = sent("1", order("A", "O-1"))
TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.just("a\0b"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(sorted(orjson.loads(GOOD.value or b"")))
BODIES = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.dictionaries(FIELDS, VALUES, max_size=4).map(
        lambda changes: json.dumps({**orjson.loads(GOOD.value or b""), **changes}).encode()
    ),
)
HEADERS = st.lists(
    st.tuples(st.sampled_from([name for name, _ in GOOD.headers] + ["x-other", "with\0nul"]), st.binary(max_size=12)),
    max_size=3,
)
KEYS = st.none() | st.just("DE01/A") | TEXT | st.just("a\0b")


@pytest.mark.filterwarnings("ignore:.*function-scoped fixture")
async def test_every_malformed_record_ends_somewhere(partition: Partition, journal: Journal) -> None:
    """About 300 records drawn at random go through one partition."""
    cases: list[tuple[str | None, list[tuple[str, bytes]], bytes | None]] = []

    @settings(max_examples=300, suppress_health_check=list(HealthCheck), database=None)
    @given(KEYS, HEADERS, BODIES)
    def draw(key: str | None, headers: list[tuple[str, bytes]], body: bytes | None) -> None:
        cases.append((key, headers, body))

    draw()
    partition.processor.limit = type(partition.processor.limit)(share=1.0)
    template = record(0, GOOD)
    for offset, (key, headers, body) in enumerate(cases):
        changed = (*(h for h in template.headers if h[0] not in dict(headers)), *headers)
        await partition.handle([replace(template, offset=offset, key=key, headers=changed, value=body)])
    assert partition.processor.claim.position == len(cases)
    for letter in await dead_letters.waiting(journal.pool, limit=1000):
        assert letter["state"] == "behind" or (letter["reason"] and letter["remedy"]), letter
        assert (await dead_letters.show(journal.pool, letter["id"]))["topic"] == "erp.orders.v1"


@pytest.mark.parametrize(
    "changes",
    [{"order": "O\0-1"}, {"version": 2**63}, {"version": 10**30}, {"version": True}, {"order": "x" * 100_000}],
)
async def test_values_that_no_column_takes_become_dead_letters(
    changes: dict[str, object], partition: Partition, journal: Journal
) -> None:
    body = orjson.loads(GOOD.value or b"") | {name: value for name, value in changes.items() if name != "version"}
    text = orjson.dumps(body).decode()
    if "version" in changes:
        version = str(changes["version"]).lower()
        text = text.replace('"version":1', f'"version":{version}')
    await partition.handle([replace(record(0, GOOD), value=text.encode(), headers=(*GOOD.headers, ("x", b"\0\xff")))])
    assert await journal.waiting() == [("poison", "1")]
    done = await dead_letters.replay(journal.pool, SERVICE, 1)
    assert done.failed == 1


async def test_a_trace_that_no_column_takes_does_not_stop_what_follows_from_the_event(
    partition: Partition, journal: Journal
) -> None:
    asked = sent("1", request("A", "O-1"))
    await partition.handle([replace(record(0, asked), headers=(*asked.headers, ("ce_traceparent", b"a\0b")))])
    assert await journal.waiting() == []
    assert await journal.value("SELECT count(*) FROM outbox WHERE traceparent IS NULL") == 1
