"""Fixtures of the fault tests."""

from tests.faults.fixtures import embedded, frail_bus, frail_database, system

__all__ = ["embedded", "frail_bus", "frail_database", "system"]
