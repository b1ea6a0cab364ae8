"""Writes `deploy/topics.yaml`, the topics as operators' tools want them: `python -m holdfast.bus.topics_file`.

It follows from the contracts; a test fails when it is stale. `holdfast topics` creates the same topics itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

from holdfast.bus.kafka.admin import configuration
from holdfast.contracts.topics import TOPICS, Topic

FILE = Path(__file__).parents[4] / "deploy" / "topics.yaml"
HEAD = """\
# The topics of the bus, generated from the contracts by `python -m holdfast.bus.topics_file`.
# Partition counts are chosen once: another count would break the order within a key.
# In production: replication factor 3, min.insync.replicas 2, no automatic creation of topics.
topics:
"""


def render() -> str:
    """The whole file."""
    return HEAD + "".join(_entry(topic) for topic in TOPICS)


def _entry(topic: Topic) -> str:
    config = "".join(f'      {name}: "{value}"\n' for name, value in configuration(topic).items())
    return (
        f"  - name: {topic.name}\n    writer: {topic.writer}\n    partitions: {topic.partitions}\n    config:\n{config}"
    )


if __name__ == "__main__":
    FILE.write_text(render())
    sys.exit(0)
