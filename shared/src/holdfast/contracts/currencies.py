"""ISO 4217: which currency codes exist and how many decimals each has."""

from __future__ import annotations

from decimal import Decimal

import iso4217

MINOR_UNITS: dict[str, int] = {c.code: 4 if c.exponent is None else c.exponent for c in iso4217.Currency}
"""Decimals of each currency; 4, as many as an amount may have, where the standard names none (as for XAU)."""
QUANTA: dict[str, Decimal] = {code: Decimal(1).scaleb(-digits) for code, digits in MINOR_UNITS.items()}
"""The smallest amount of each currency."""
