"""Schemathesis over an API of ours: what its OpenAPI document promises is what it does, whatever is sent.

Requests that fit the document and requests that do not, so many of each for every operation as `EXPLORE` says (20),
drawn from the seed `EXPLORE_SEED` (1): a run can be repeated, and another seed looks elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import CheckFunction, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

EXAMPLES = int(os.environ.get("EXPLORE", "20"))
SEED = os.environ.get("EXPLORE_SEED", "1")
TIMEOUT_SECONDS = 120 + 60 * EXAMPLES
LEFT_OUT = [ignored_auth]
"""Calls without a token are tested route by route elsewhere."""
REFUSED = ["400", "401", "403", "404", "409", "412", "415", "422", "428", "503"]
"""What a request that does not fit may be answered with. Of many events at once each gets its own answer (207)."""
TAKEN = ["2xx", "404", "409", "412", "422", "503"]
"""A request may fit the document and yet break a rule that no schema can state, such as the currency of a company."""


def explore(address: str, token: str, *left_out: CheckFunction) -> None:
    """Call every operation with generated requests. Raises AssertionError with all that the document does not allow."""
    schema = schemathesis.openapi.from_dict(document(address))
    schema.config.update(base_url=address)
    checks = schema.config.checks
    checks.negative_data_rejection.expected_statuses = [*REFUSED, "207"]
    checks.missing_required_header.expected_statuses = REFUSED
    checks.positive_data_acceptance.expected_statuses = TAKEN
    headers, wrong = {"authorization": f"Bearer {token}"}, dict[str, str]()
    for found in schema.get_all_operations():
        operation: Any = found
        for mode in GenerationMode:
            with suppress(Unsatisfiable):
                # Nothing can be wrong with a request that has neither parameters nor a body.
                _explore(operation.ok(), mode, headers, wrong, left_out)
    assert not wrong, "\n\n".join(wrong.values())


def document(address: str) -> Any:
    """The OpenAPI document without what it says of tokens: the one we send is never what is wrong with a request."""
    found = httpx.get(f"{address}/openapi.json").raise_for_status().json()
    for operations in found["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return found


def _explore(
    operation: Any, mode: GenerationMode, headers: dict[str, str], wrong: dict[str, str],
    left_out: Sequence[CheckFunction],
) -> None:  # fmt: skip
    """Adds what is wrong, the first of each kind."""

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        try:
            # A cursor is ours alone: none that is made up can be read.
            made_up = [positive_data_acceptance] if "cursor" in (case.query or {}) else []
            case.call_and_validate(headers=headers, excluded_checks=[*LEFT_OUT, *left_out, *made_up])
        except FailureGroup as failures:
            kinds = sorted({failure.title for failure in failures.exceptions})
            wrong.setdefault(f"{operation.label} {kinds}", f"{operation.label}, {mode.value}: {failures}")

    seed(SEED)(check)()
