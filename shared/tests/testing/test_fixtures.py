"""What a run of tests shares is left as it was found."""

from __future__ import annotations

import logging

from holdfast.platform.logging import configure
from holdfast.testing.fixtures import restored_logging


def test_logs_that_a_command_sent_elsewhere_come_back() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    with restored_logging():
        configure(level="DEBUG")
        (own,) = [handler for handler in root.handlers if handler not in before]
    assert own not in root.handlers
    assert root.level == level
    for handler in before:
        root.addHandler(handler)
