"""Parameters of this process, taken from its settings when a role starts."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.platform.settings import Settings


@dataclass(slots=True)
class Parameters:
    """`most_facts_age` in seconds turns checks on older facts into holds; None does not. `recheck_delay` in seconds
    of business time collects a burst of facts into one re-check."""

    most_facts_age: float | None = None
    recheck_delay: float = 0.0

    def use(self, settings: Settings) -> None:
        """Take them from settings."""
        self.most_facts_age = settings.max_fact_age_seconds
        self.recheck_delay = settings.recheck_delay_seconds


PARAMETERS = Parameters()
