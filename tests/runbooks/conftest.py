"""Systems to try the runbooks on."""

from tests.faults.fixtures import frail_bus, system

__all__ = ["frail_bus", "system"]
