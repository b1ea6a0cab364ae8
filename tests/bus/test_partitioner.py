"""The partition of a key is the one Kafka's Java client chooses."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bus.partitioner import murmur2, partition_of
from holdfast.bus.port import Position


@pytest.mark.parametrize(
    ("key", "java"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_vectors_of_the_java_client(key: bytes, java: int) -> None:
    assert murmur2(key) == java % 2**32


@given(st.binary(max_size=64))
def test_as_another_implementation_has_it(key: bytes) -> None:
    assert murmur2(key) == reference(key)


@given(st.text(max_size=20), st.integers(1, 50))
def test_a_partition_of_the_topic(key: str, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions


@pytest.mark.parametrize("text", ["", "t", "t:1", "t:1:", ":1:2", "t:a:2", "t:1:-2", "t:1:²", "t:1:2:3"])
def test_a_position_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"topic:partition:offset, such as erp\.orders\.v1:3:120"):
        Position.parse(text)
