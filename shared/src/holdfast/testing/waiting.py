"""Wait for a condition, never for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
PAUSE_SECONDS = 0.01


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]],
    timeout: float = ...,  # noqa: ASYNC109
    *,
    what: str | None = ...,
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T],
    timeout: float = ...,  # noqa: ASYNC109
    *,
    what: str | None = ...,
) -> T: ...
async def eventually(
    condition: Callable[[], Any],
    timeout: float = 10.0,  # noqa: ASYNC109
    *,
    what: str | None = None,
) -> Any:
    """Ask `condition` (plain or async) until it holds; return what it said, AssertionError after `timeout` s.

    An AssertionError inside the condition counts as "not yet", and its text is shown in the end.
    """
    deadline = time.monotonic() + timeout
    while True:
        found, problem = await _ask(condition)
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or problem or inspect.unwrap(condition)}")
        await asyncio.sleep(PAUSE_SECONDS)


async def _ask(condition: Callable[[], Any]) -> tuple[Any, str]:
    try:
        said = condition()
        return (await said if inspect.isawaitable(said) else said), ""
    except AssertionError as error:
        return False, str(error)
