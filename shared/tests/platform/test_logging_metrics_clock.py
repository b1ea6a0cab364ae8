"""Logs without secrets, metrics with sentences, dates in the company's time zone."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from holdfast.platform import metrics
from holdfast.platform.clock import local_date, milliseconds, utc_now
from holdfast.platform.logging import scrubbed
from holdfast.testing.children import start_child

LOGS = """
import logging, sys
import structlog
from holdfast.platform.logging import configure
configure(style=sys.argv[1], service="hold-service")
secret = "hidden"
structlog.get_logger("a").info("started", url=f"postgresql://u:{secret}@h/d", password=secret, n=1)
try:
    raise ValueError(f"cannot reach postgresql://u:{secret}@h/d")
except ValueError:
    logging.getLogger("b").exception("failed")
"""


@pytest.mark.parametrize("style", ["json", "console"])
async def test_secrets_never_reach_the_log(style: str) -> None:
    child = await start_child("-c", LOGS, style)
    assert await child.wait() == 0
    assert "hidden" not in child.output
    assert "ValueError" in child.output
    assert "hold-service" in child.output


async def test_json_logs_are_one_object_a_line() -> None:
    child = await start_child("-c", LOGS, "json")
    await child.wait()
    first, second = (json.loads(line) for line in child.output.splitlines())
    assert (first["event"], first["level"], first["n"]) == ("started", "info", 1)
    assert "Traceback" in second["exception"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("token", "abc", "***"),
        (
            "headers",
            {"Authorization": "Bearer x", "Accept": "json"},
            {"Authorization": "***", "Accept": "json"},
        ),
        ("text", "sent Bearer abcdefghijkl", "sent ***"),
        ("tokens_seen", 3, 3),
        ("key", "USMF/US-001", "USMF/US-001"),
        ("list", ["kafka://u:p@h:1"], ["kafka://u:***@h:1"]),
    ],
)
def test_what_is_taken_out(name: str, value: object, shown: object) -> None:
    assert scrubbed(value, name) == shown


def test_a_metric_without_a_sentence_is_an_error() -> None:
    name = f"m_{uuid4().hex}"
    with pytest.raises(ValueError, match="needs a sentence"):
        metrics.counter(name, "")
    with pytest.raises(ValueError, match="needs a sentence"):
        metrics.gauge(name, "count")
    metrics.histogram(name, "How long one check takes, in seconds.", ["kind"]).labels("x").observe(0.2)
    assert f'{name}_count{{kind="x"}} 1.0' in metrics.exposition().decode()
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.histogram(name, "How long one check takes, in seconds.")


def test_business_dates_are_local() -> None:
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert local_date(late, "Europe/Madrid") == date(2026, 3, 29)
    assert local_date(late, "America/New_York") == date(2026, 3, 28)
    assert utc_now().tzinfo is UTC
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1000
