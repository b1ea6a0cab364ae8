"""Places where tests make a process die, stop or fail: `HOLDFAST_FAILPOINT="before_commit:3=kill"`.

Without the variable a fail-point costs one comparison.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

VARIABLE = "HOLDFAST_FAILPOINT"


class FailpointHit(RuntimeError):
    """Raised at a fail-point whose action is `raise`."""


@dataclass(slots=True)
class _Armed:
    name: str
    remaining: int
    action: str


def _parse(text: str) -> _Armed | None:
    if not text:
        return None
    place, _, action = text.partition("=")
    name, _, count = place.partition(":")
    return _Armed(name, int(count or 1), action or "kill")


_armed = _parse(os.environ.get(VARIABLE, ""))


def hit(name: str) -> None:
    """Pass the fail-point `name`; at the n-th pass of the armed one, kill, stop or raise."""
    if _armed is None or _armed.name != name:
        return
    _armed.remaining -= 1
    if _armed.remaining == 0:
        _act(_armed.action)


def _act(action: str) -> None:
    if action == "raise":
        raise FailpointHit("a test made this fail")
    os.kill(os.getpid(), signal.SIGSTOP if action == "stop" else signal.SIGKILL)
