"""Reads the body of a request up to a limit."""

from __future__ import annotations

from fastapi import Request

from holdfast.web.problems import Problem


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises Problem 413 when it has more than `limit` bytes, without reading on."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(413, "body-too-large", "The body is too large", f"Send at most {limit} bytes.")
        parts.append(part)
    return b"".join(parts)
