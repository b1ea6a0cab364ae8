"""Who names an entry of master data: it is not removed as long as anybody does."""

from __future__ import annotations

from credit_service.masterdata.model import USES, Use
from holdfast.database.work import Work
from holdfast.web.problems import Problem

PROFILES = "SELECT count(*) FROM credit_profile WHERE company = $1 AND {field} = $2"
POLICIES = "SELECT count(*) FROM credit_policy WHERE company = $1 AND {field} = $2"
SCORES = """SELECT count(DISTINCT g.id) FROM scoring_group g
            JOIN scoring_group_line l ON l.company = g.company AND l.scoring_group = g.id
            WHERE g.company = $1 AND g.group_type = '{field}' AND l.value = $2"""
REQUESTS = """SELECT count(*) FROM approval
              WHERE company = $1 AND state IN ('submitted', 'approval_pending', 'change_requested')
                AND proposal -> '{place}' ->> '{field}' = $2"""


async def must_be_unused(work: Work, company: str, name: str, code: str) -> None:
    """Raises Problem 409 for a locked entry that something names; in one statement, so that a request that is
    approved meanwhile is seen as what it was or as what it has become."""
    counts = _counts(USES[name])
    row = await work.conn.fetchrow(f"SELECT {', '.join(f'({sql})' for sql in counts.values())}", company, code)
    assert row is not None
    found = [f"{count} {what}" for what, count in zip(counts, row, strict=True) if count]
    if found:
        raise Problem(
            409, "in-use", "Something refers to it",
            f"{code} of {name} is named by {', '.join(found)}. Let them name another entry, or none, first.",
        )  # fmt: skip


def _counts(use: Use) -> dict[str, str]:
    owners = {"policies": POLICIES} if use.of_policies else {"credit profiles": PROFILES}
    scores = {"scoring groups": SCORES} if use.scores else {}
    asked = {"open requests for approval": REQUESTS}
    place = "fields" if use.of_policies else "change"
    return {what: sql.format(field=use.field, place=place) for what, sql in (owners | scores | asked).items()}
