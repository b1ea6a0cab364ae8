"""`deploy/topics.yaml` is what the contracts say."""

from __future__ import annotations

import yaml

from holdfast.bus.topics_file import FILE, render
from holdfast.contracts.topics import TOPICS


def test_the_file_is_not_stale() -> None:
    assert FILE.read_text() == render(), "run python -m holdfast.bus.topics_file"


def test_it_names_every_topic_with_its_partitions() -> None:
    topics = yaml.safe_load(render())["topics"]
    assert {t["name"]: t["partitions"] for t in topics} == {t.name: t.partitions for t in TOPICS}
    compacted = {t["name"] for t in topics if t["config"]["cleanup.policy"] == "compact"}
    assert compacted == {t.name for t in TOPICS if t.compacted}
