"""Structured logs: one JSON object a line on standard error, with secrets taken out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import Processor

HIDDEN = "***"
_SECRET_NAME = re.compile(r"password|passwd|secret|authorization|cookie|private_key|(^|_)(token|jwt|dsn)$", re.I)
_IN_URL = re.compile(r"(?P<start>\b[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s@/]+@", re.I)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]+", re.I)


def scrubbed(value: Any, name: str = "") -> Any:
    """`value` without secrets: named ones, passwords inside addresses, bearer tokens."""
    if name and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, str):
        return _BEARER.sub(HIDDEN, _IN_URL.sub(rf"\g<start>:{HIDDEN}@", value))
    if isinstance(value, Mapping):
        return {key: scrubbed(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrubbed(inner) for inner in value]
    return value


def _hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: scrubbed(value, key) for key, value in event.items()}


def _json(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def configure(
    *,
    level: str = "INFO",
    style: Literal["json", "console"] = "json",
    file: Path | None = None,
    **context: str,
) -> None:
    """Send structlog and the standard library's logging to standard error, or to the end of `file`.

    `context` rides on every line. Raises ValueError for an unknown level.
    """
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=route_to_standard_library(context),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(style)],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiokafka", "asyncio", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def route_to_standard_library(context: Mapping[str, str] | None = None) -> list[Processor]:
    """Hand structlog's events to the standard library's handlers; returns what each goes through first."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _adder(context or {}),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return shared


def _rendering(style: Literal["json", "console"]) -> list[Processor]:
    # Tracebacks as plain text: scrubbed like the rest, and without local variables.
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    last: Processor = structlog.processors.JSONRenderer(_json) if style == "json" else console
    return [structlog.processors.format_exc_info, _hide_secrets, last]


def _adder(context: Mapping[str, str]) -> Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**context, **event}

    return add
