"""Makes the fixtures of `holdfast.testing` known to every test."""

from __future__ import annotations

import pytest

pytest_plugins = ["holdfast.testing.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the soak test."""
    group = parser.getgroup("soak")
    group.addoption("--soak-seed", type=int, default=None, help="seed of the faults; drawn and printed by default")
    group.addoption("--soak-minutes", type=float, default=10.0, help="how long to run (default: 10)")
