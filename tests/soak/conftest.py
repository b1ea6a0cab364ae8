"""Seed and length of the soak."""

from __future__ import annotations

import secrets

import pytest


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """Of all faults; drawn when none is given."""
    given: int | None = pytestconfig.getoption("--soak-seed")
    return secrets.randbelow(1_000_000) if given is None else given


@pytest.fixture
def minutes(pytestconfig: pytest.Config) -> float:
    """How long faults go on."""
    found: float = pytestconfig.getoption("--soak-minutes")
    return found
