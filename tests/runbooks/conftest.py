"""Systems to try the runbooks on."""

from tests.faults.fixtures import embedded, frail_bus, system

__all__ = ["embedded", "frail_bus", "system"]
