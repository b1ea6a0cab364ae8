"""Apache Kafka from Maven: keeps its data through `kill -9`, loses it when wiped, speaks SASL and TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from holdfast.platform.kafka_files import KafkaUnavailable
from holdfast.platform.kafka_node import KafkaNode


@pytest.fixture
async def node(server_folder: Path) -> AsyncIterator[KafkaNode]:
    """A node of its own with a secured listener."""
    made = KafkaNode(server_folder, secured=True)
    await made.start()
    yield made
    await made.kill()


async def topics(client: AIOKafkaAdminClient, *new: str) -> set[str]:
    """Create topics, then list all; closes the client."""
    await client.start()
    try:
        await client.create_topics([NewTopic(name, 1, 1) for name in new])
        return set(await client.list_topics())
    finally:
        await client.close()


def plain(node: KafkaNode) -> AIOKafkaAdminClient:
    return AIOKafkaAdminClient(bootstrap_servers=node.bootstrap)


def secured(node: KafkaNode) -> AIOKafkaAdminClient:
    settings = node.secure_settings
    assert settings.kafka_sasl_password is not None
    return AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_plain_username=settings.kafka_sasl_username,
        sasl_plain_password=settings.kafka_sasl_password.get_secret_value(),
        ssl_context=ssl.create_default_context(cafile=str(settings.kafka_ssl_cafile)),
    )


@pytest.mark.kafka
async def test_a_node_keeps_its_data_until_it_is_wiped(node: KafkaNode) -> None:
    where = node.bootstrap
    assert "kept" in await topics(plain(node), "kept")
    assert "kept" in await topics(secured(node))
    await node.kill()
    assert node.pid is None
    assert await node.start() == where
    assert "kept" in await topics(plain(node))
    await node.wipe()
    assert await node.start() == where
    assert "kept" not in await topics(plain(node))


@pytest.mark.kafka
async def test_a_second_start_finds_the_running_node(node: KafkaNode, server_folder: Path) -> None:
    other = KafkaNode(server_folder)
    assert await other.start() == node.bootstrap
    assert other.pid == node.pid


@pytest.mark.parametrize("missing", ["java", "mvn"])
async def test_without_java_or_maven_it_says_so(missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None if program == missing else program)
    with pytest.raises(KafkaUnavailable, match=f"needs Java 17 and Maven, and `{missing}` is not on the PATH"):
        await KafkaNode(tmp_path, cache=tmp_path).start()
