"""Fixtures of what happens at once."""

from tests.faults.fixtures import embedded, system
from tests.soak.conftest import minutes, seed

__all__ = ["embedded", "minutes", "seed", "system"]
