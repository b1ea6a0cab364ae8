"""Scenarios share a started stack; names of companies, credit groups and rate types are their own."""

from __future__ import annotations

import re
from typing import Any

import orjson

OWN = {"company", "companies", "group", "rate_type", "exchange_rate_type", "credit_limit_exchange_rate_type",
       "credit_group", "credit_groups", "owner_company"}  # fmt: skip
PLACE = re.compile(r"\{([^{}/]+)\}")


class Namespace:
    """Adds a suffix to names on the way in, and takes it away on the way out."""

    def __init__(self, number: int) -> None:
        self.suffix = f"~{number}~"

    def name(self, name: str) -> str:
        """A name as the services know it."""
        return name if name == "*" or name.endswith(self.suffix) else f"{name}{self.suffix}"

    def into(self, value: Any, key: str = "") -> Any:
        """A body as the services know it."""
        if isinstance(value, dict):
            return {name: self.into(item, name) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.into(item, key) for item in value]
        return self.name(value) if key in OWN and isinstance(value, str) else value

    def in_path(self, path: str, company: str) -> str:
        """A path whose `{company}`, or `{DE01}`, stands for a company as the services know it."""
        return PLACE.sub(lambda found: self.name(company if found[1] == "company" else found[1]), path)

    def out(self, value: Any) -> Any:
        """An answer as the file knows it."""
        return orjson.loads(orjson.dumps(value, default=str).replace(self.suffix.encode(), b""))

    def text(self, text: str) -> str:
        """A text as the file knows it."""
        return text.replace(self.suffix, "")
