"""Topics on Kafka, created as the contracts name them, never by the broker itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from holdfast.bus.kafka.client import AWAY, unavailable
from holdfast.bus.kafka.lookup import Lookup
from holdfast.bus.port import TopicPartition
from holdfast.contracts.topics import Topic

T = TypeVar("T")
DAY_MS = 86_400_000
PAUSE_SECONDS = 0.05


def configuration(topic: Topic) -> dict[str, str]:
    """Kafka's settings of a topic."""
    if topic.compacted:
        return {"cleanup.policy": "compact"}
    return {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * DAY_MS)}


class KafkaAdmin:
    """Administration on Kafka (`holdfast.bus.port.Admin`)."""

    def __init__(self, options: dict[str, Any], replication: int, seconds: float) -> None:
        self._options, self._replication, self._seconds = options, replication, seconds
        self._client: AIOKafkaAdminClient | None = None
        self._lookup = Lookup(options, seconds)

    async def create_topics(self, topics: Sequence[Topic]) -> list[str]:
        """Create what is missing; answer a sentence for each topic that differs. Raises BusUnavailable."""

        async def action(client: AIOKafkaAdminClient) -> list[str]:
            existing = set(await client.list_topics())
            await _create(client, [self._new(t) for t in topics if t.name not in existing])
            await _settled(client, topics)
            return await _differences(client, [t for t in topics if t.name in existing])

        return await self._run(action)

    async def delete_topics(self, names: Sequence[str]) -> None:
        """Delete topics with all they hold. Raises BusUnavailable."""

        async def action(client: AIOKafkaAdminClient) -> None:
            existing = set(await client.list_topics()) & set(names)
            if not existing:
                return
            answer = await client.delete_topics(sorted(existing))
            for _, code in answer.topic_error_codes:
                _check(code, UnknownTopicOrPartitionError)
            await _until(lambda: _none_of(client, existing))

        await self._run(action)

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The next offset of every partition of `topics`. Raises BusUnavailable, TopicMissing."""
        return await self._lookup.end_offsets(await self._lookup.partitions(topics))

    async def maintain(self, topics: Sequence[Topic]) -> None:
        """Nothing to do: Kafka removes and compacts by itself."""

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
        await self._lookup.close()

    def _new(self, topic: Topic) -> NewTopic:
        return NewTopic(topic.name, topic.partitions, self._replication, topic_configs=configuration(topic))

    async def _run(self, action: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                if self._client is None:
                    self._client = AIOKafkaAdminClient(**self._options)
                    await self._client.start()
                return await action(self._client)
        except AWAY as error:
            await self.close()
            raise unavailable(error) from error


def _check(code: int, *allowed: type[KafkaError]) -> None:
    error = for_code(code)
    if code and error not in allowed:
        raise error()


async def _create(client: AIOKafkaAdminClient, topics: Sequence[NewTopic]) -> None:
    if topics:
        answer = await client.create_topics(list(topics))
        for _, code, *_ in answer.topic_errors:
            _check(code, TopicAlreadyExistsError)


async def _settled(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Wait until every partition has a leader; before that a producer is told that there is none."""
    names = [topic.name for topic in topics]

    async def led() -> bool:
        found = await client.describe_topics(names)
        return all(not t["error_code"] and all(p["leader"] >= 0 for p in t["partitions"]) for t in found)

    await _until(led)


async def _none_of(client: AIOKafkaAdminClient, names: set[str]) -> bool:
    return names.isdisjoint(await client.list_topics())


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():  # noqa: ASYNC110
        await asyncio.sleep(PAUSE_SECONDS)


async def _differences(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[str]:
    if not topics:
        return []
    found = await client.describe_topics([topic.name for topic in topics])
    counts = {topic["topic"]: len(topic["partitions"]) for topic in found}
    said = [
        f"{t.name} has {counts[t.name]} partitions instead of {t.partitions}; it was left as it is, "
        f"since another count would break the order within a key."
        for t in topics
        if counts[t.name] != t.partitions
    ]
    for topic in topics:
        actual = await _configured(client, topic.name)
        said += [
            f"{topic.name} has {name}={actual.get(name)} instead of {value}: change it with Kafka's tools."
            for name, value in configuration(topic).items()
            if actual.get(name) != value
        ]
    return said


async def _configured(client: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {entry[0]: entry[1] for answer in answers for resource in answer.resources for entry in resource[4]}
