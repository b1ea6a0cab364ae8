"""What a change of a policy does to the limit (spec 1.8, 1.17). Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def raises(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether a policy that is added or changed lets the customer owe more on some day."""
    if before is None:
        return bool(after["update_credit_limit_pct"] > 0 and after["value"] > 0)
    return bool(
        after["update_credit_limit_pct"] > before["update_credit_limit_pct"]
        or after["value"] > before["value"]
        or after["currency"] != before["currency"]
        or after["expires_on"] > before["expires_on"]
        or after["effective_from"] < before["effective_from"]
    )
