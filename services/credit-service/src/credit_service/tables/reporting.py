"""The report of an import: what becomes of every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from credit_service.tables.model import Fault, Outcome, Told
from holdfast.web.problems import Problem


@dataclass(frozen=True, slots=True)
class Wish:
    """How a file is to be imported: into which company, by whom and why, and what happens to a file with faults."""

    company: str
    who: str
    dry_run: bool = False
    all_or_nothing: bool = False
    reason: str | None = None
    confirm_group_limit: bool = False
    confirm_unknown_customer: bool = False

    def takes(self, told: Sequence[Told]) -> bool:
        """Whether anything is to be done once every line is judged."""
        return not self.dry_run and not (self.all_or_nothing and any(t.outcome is Outcome.REFUSED for t in told))


def report(wish: Wish, told: Sequence[Told], journal: str | None = None) -> dict[str, Any]:
    """The answer of an import, lines in the order of the file; `applied` says whether it has taken effect.

    `journal`: the number of the draft that lines have become.
    """
    counts = Counter(t.outcome for t in told)
    return {
        "company": wish.company, "dry_run": wish.dry_run, "all_or_nothing": wish.all_or_nothing,
        "applied": wish.takes(told), "counts": {kind.value: counts[kind] for kind in Outcome}, "journal": journal,
        "lines": [_shown(t) for t in sorted(told, key=lambda t: t.line)],
    }  # fmt: skip


def _shown(told: Told) -> dict[str, Any]:
    found: dict[str, Any] = {"line": told.line, "subject": told.subject, "outcome": told.outcome}
    if told.fault is not None:
        fault = told.fault
        found |= {"field": fault.field, "value": fault.value, "problem": fault.problem, "remedy": fault.remedy}
    more = {"fields": told.fields, "warnings": told.warnings, "version": told.version, "approval": told.approval,
            "id": told.id}  # fmt: skip
    return found | {name: value for name, value in more.items() if value}


def fault_of(problem: Problem) -> Fault:
    """What a route would have answered, as the fault of a line."""
    if not problem.errors:
        return Fault("line", None, problem.title, problem.detail)
    first = problem.errors[0]
    return Fault(first["field"], first.get("value"), first["problem"], first.get("remedy") or problem.detail)
