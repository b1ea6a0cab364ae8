"""The AsyncAPI 3.0 document of the bus: topics, their messages, keys and headers, writers and readers."""

from __future__ import annotations

from typing import Any

from holdfast.contracts.base import Payload
from holdfast.contracts.schemas import catalogue, key_of
from holdfast.contracts.topics import TOPICS, Topic

Part = dict[str, Any]
DAY_MS = 86_400_000

HEADERS: Part = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "maxLength": 250, "description": "the same whenever it is sent again"},
        "ce_source": {"type": "string", "maxLength": 250, "description": "with ce_id unique"},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time", "description": "when it happened"},
        "ce_partitionkey": {"type": "string", "description": "equals the record key"},
        "ce_traceparent": {"type": "string", "description": "W3C trace context"},
        "content-type": {"type": "string", "const": "application/json"},
    },
}  # fmt: skip


def asyncapi() -> Part:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Holdfast on the bus",
            "version": "1.0.0",
            "description": "Every record is one CloudEvent 1.0 in Kafka's binary mode. Record keys are "
            "hashed with murmur2, as the Java client does; librdkafka needs partitioner=murmur2_random.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_slug(topic.name): _channel(topic) for topic in TOPICS},
        "operations": {_slug(topic.name): _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {name: _message(cls) for name, cls in catalogue().items()},
            "schemas": {"Headers": HEADERS},
        },
    }


def _channel(topic: Topic) -> Part:
    cleanup = {"cleanup.policy": ["compact"]} if topic.compacted else {
        "cleanup.policy": ["delete"], "retention.ms": topic.retention_days * DAY_MS,
    }  # fmt: skip
    return {
        "address": topic.name,
        "description": f"Written by {topic.writer}; read by {', '.join(topic.readers)}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic)},
        "bindings": {"kafka": {"partitions": topic.partitions, "topicConfiguration": cleanup}},
        "x-written-by": topic.writer,
        "x-read-by": list(topic.readers),
    }


def _operation(topic: Topic) -> Part:
    ours = topic.writer != "the ERP"
    return {
        "action": "send" if ours else "receive",
        "channel": {"$ref": f"#/channels/{_slug(topic.name)}"},
        "summary": f"{topic.writer} sends" if ours else "Holdfast receives what the ERP sends",
    }


def _message(cls: type[Payload]) -> Part:
    summary = (cls.__doc__ or "").strip().partition("\n")[0]
    return {
        "name": cls.event_type,
        "summary": summary,
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./schemas/{cls.event_type}.json"},
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": key_of(cls)}}},
        "examples": [{"name": "example", "payload": cls.example}],
    }


def _names(topic: Topic) -> list[str]:
    return [name for name, cls in catalogue().items() if topic in cls.topics]


def _slug(name: str) -> str:
    return name.replace(".", "-")
