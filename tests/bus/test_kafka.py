"""What only Kafka has to prove: security, refusals by the broker, topics as the contracts name them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.bus.conftest import opened
from tests.bus.members import numbered

from holdfast.bus.connect import connect
from holdfast.bus.port import BusUnavailable, Outgoing, Position, RecordRefused, TopicPartition
from holdfast.platform.kafka_node import KafkaNode
from holdfast.platform.settings import BusSettings, SettingsError
from holdfast.testing.waiting import eventually


@pytest.mark.kafka
async def test_over_sasl_and_tls(server_folder: Path) -> None:
    node = KafkaNode(server_folder, secured=True)
    await node.start()
    try:
        async with opened(node.secure_settings) as bus:
            member, producer = await bus.member().join(bus.name), await bus.producer()
            await producer.send(numbered(bus.name, 30))
            await eventually(lambda: len(member.records) == 30, 20)
        wrong = node.secure_settings.model_copy(
            update={"kafka_sasl_username": "nobody", "kafka_request_timeout_seconds": 3.0}
        )
        producer = connect(wrong).producer()
        with pytest.raises(BusUnavailable):
            await producer.send([Outgoing(bus.name, "k", b"")])
        await producer.stop()
    finally:
        await node.kill()


@pytest.mark.kafka
async def test_row_4_4_13_what_the_broker_refuses_is_refused_alone_and_in_order(kafka: KafkaNode) -> None:
    async with opened(kafka.settings) as bus:
        name = f"small-{uuid4().hex[:8]}.v1"
        client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await client.start()
        await client.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": "2000"})])
        await client.close()
        values = [b"0", b"x" * 3000, *(b"%d" % i * 300 for i in range(1, 8)), b"x" * 3000, b"8"]
        producer = await bus.producer()
        answers = await producer.send([Outgoing(name, "k", value) for value in values])
        refused = [i for i, answer in enumerate(answers) if isinstance(answer, RecordRefused)]
        assert refused == [1, 9]
        offsets = [answer.offset for answer in answers if isinstance(answer, Position)]
        assert offsets == sorted(offsets)
        after = await producer.send([Outgoing(name, "k", b"9")])
        assert isinstance(after[0], Position)
        assert after[0].offset > offsets[-1]


@pytest.mark.kafka
async def test_settings_of_a_topic_that_differ_are_reported(kafka: KafkaNode) -> None:
    async with opened(kafka.settings) as bus:
        admin = bus.transport.admin()
        said = await admin.create_topics([replace(bus.topic, compacted=True)])
        assert said == [f"{bus.name} has cleanup.policy=delete instead of compact: change it with Kafka's tools."]
        said = await admin.create_topics([replace(bus.topic, retention_days=7)])
        assert "retention.ms=2419200000 instead of 604800000" in said[0]
        await admin.maintain([bus.topic])
        await admin.close()


@pytest.mark.kafka
async def test_a_leaving_member_commits_how_far_it_is(kafka: KafkaNode) -> None:
    async with opened(kafka.settings) as bus:
        member = await bus.member().join(bus.name)
        await eventually(lambda: member.held == bus.partitions, 20)
        await member.consumer.commit_hint({TopicPartition(bus.name, 2): 17, TopicPartition("other.v1", 0): 3})
        await member.leave()
        client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await client.start()
        committed = await client.list_consumer_group_offsets(bus.group)
        await client.close()
        assert {tuple(tp): found.offset for tp, found in committed.items()} == {(bus.name, 2): 17}


@pytest.mark.kafka
async def test_many_senders_at_once(kafka: KafkaNode) -> None:
    async with opened(kafka.settings) as bus:
        member, producer = await bus.member().join(bus.name), await bus.producer()
        sent = numbered(bus.name, 200)
        await asyncio.gather(*(producer.send([record]) for record in sent))
        await eventually(lambda: len(member.records) == 200, 20)
        assert {r.value for r in member.records} == {r.value for r in sent}


async def test_an_address_is_needed() -> None:
    with pytest.raises(SettingsError, match="HOLDFAST_KAFKA_BOOTSTRAP"):
        connect(BusSettings(transport="kafka")).producer()
    with pytest.raises(SettingsError, match="HOLDFAST_BUS_URL"):
        connect(BusSettings(transport="postgres"))
