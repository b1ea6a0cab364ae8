"""An offset without a record at the end of a partition: both transports have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import asyncpg
from aiokafka import AIOKafkaProducer

from holdfast.bus.connect import connect
from holdfast.bus.kafka.client import options
from holdfast.bus.partitioner import partition_of
from holdfast.bus.port import Outgoing
from holdfast.contracts.topics import Topic
from holdfast.platform.settings import BusSettings

AGE = "UPDATE bus_log SET timestamp_ms = timestamp_ms - 7 * 86400000 WHERE topic = $1"


async def send_before_a_hole(settings: BusSettings, topic: Topic, records: Sequence[Outgoing]) -> None:
    """Send records of one partition, each of another key; the offset after them has none.

    On Kafka it is the marker that ends a transaction, in the log a tombstone that has been removed.
    """
    await (_in_a_transaction if settings.transport == "kafka" else _before_a_tombstone)(settings, topic, records)


async def _in_a_transaction(settings: BusSettings, topic: Topic, records: Sequence[Outgoing]) -> None:
    producer = AIOKafkaProducer(**options(settings, "an ERP"), transactional_id=f"erp-{topic.name}")
    await producer.start()
    try:
        async with producer.transaction():
            for record in records:
                part = partition_of(record.key, topic.partitions)
                await producer.send(record.topic, record.value, record.key.encode(), part, headers=list(record.headers))
    finally:
        await producer.stop()


async def _before_a_tombstone(settings: BusSettings, topic: Topic, records: Sequence[Outgoing]) -> None:
    place = partition_of(records[0].key, topic.partitions)
    gone = next(key for n in count() if partition_of(key := f"gone-{n}", topic.partitions) == place)
    transport = connect(settings)
    producer, admin, sql = transport.producer(), transport.admin(), await asyncpg.connect(settings.url)
    await producer.send([*records, Outgoing(topic.name, gone, None)])
    await sql.execute(AGE, topic.name)
    await admin.maintain([replace(topic, compacted=True)])
    for opened in (producer.stop(), admin.close(), sql.close()):
        await opened
