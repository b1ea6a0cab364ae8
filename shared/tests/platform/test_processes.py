"""Servers that are kept for another process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from holdfast.platform.processes import is_alive
from holdfast.testing.children import running
from holdfast.testing.waiting import eventually

KEEPS = """
import sys
from pathlib import Path
from holdfast.platform.processes import keep
folder = Path(sys.argv[1])
print(keep(["sleep", "300"], cwd=folder, log=folder / "log", stop=15, parent=int(sys.argv[2])).pid)
"""


async def test_a_process_that_ends_before_a_server_it_keeps_for_another_says_nothing(tmp_path: Path) -> None:
    """As a worker of a test run does with the database server of the run."""
    async with running("-W", "error", "-c", KEEPS, str(tmp_path), str(os.getpid())) as child:
        assert await child.wait() == 0
    keeper = int(child.output)
    assert is_alive(keeper)
    os.kill(keeper, signal.SIGTERM)
    await eventually(lambda: not is_alive(keeper))
