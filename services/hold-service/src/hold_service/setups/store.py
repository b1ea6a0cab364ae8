"""The SQL of set-ups. A process remembers those it has read by their stamp, and reads what is new to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from hold_service.setups.model import Setup, setup_of
from holdfast.database.work import Work

MOST_REMEMBERED = 1_000
REMEMBERED: dict[str, Setup] = {}
"""Set-ups by stamp, which is unique everywhere and for ever."""

CONTENT = """
SELECT s.company, s.stamp::text AS stamp, jsonb_build_object(
    'rules', (SELECT jsonb_agg(to_jsonb(r) - 'changed_at' || jsonb_build_object(
                  'value', r.value::text, 'threshold_percent', r.threshold_percent::text) ORDER BY r.id)
              FROM rule r WHERE r.company = s.company AND r.enabled),
    'checkpoints', (SELECT jsonb_agg(jsonb_build_array(
                        c.document, c.check_on_posting, c.check_on_proforma, c.grace_days))
                    FROM checkpoint c WHERE c.company = s.company),
    'rankings', (SELECT jsonb_object_agg(r.subject, r.ranks) FROM ranking r WHERE r.company = s.company),
    'parameters', (SELECT p.settings FROM parameters p WHERE p.company = s.company),
    'credit', (SELECT p.settings FROM credit_parameters p WHERE p.company = s.company)) AS content
FROM setup s WHERE s.company = ANY($1::text[])
"""
KEEP = """
INSERT INTO setup_version (stamp, company, content) VALUES ($1::text::uuid, $2, $3) ON CONFLICT DO NOTHING
"""


async def setups(work: Work, stamps: Mapping[str, str]) -> dict[str, Setup]:
    """The set-ups of companies by their present stamps; those that are new here are read and kept for later."""
    found = {company: REMEMBERED[stamp] for company, stamp in stamps.items() if stamp in REMEMBERED}
    missing = stamps.keys() - found.keys()
    return found | (await _read(work, missing) if missing else {})


async def _read(work: Work, companies: Collection[str]) -> dict[str, Setup]:
    found: dict[str, Setup] = {}
    for row in await work.conn.fetch(CONTENT, sorted(companies)):
        found[row["company"]] = setup_of(row["stamp"], row["content"])
        await work.conn.execute(KEEP, row["stamp"], row["company"], row["content"])
    work.on_commit(lambda: _remember(found.values()))
    return found


def _remember(found: Collection[Setup]) -> None:
    if len(REMEMBERED) + len(found) > MOST_REMEMBERED:
        REMEMBERED.clear()
    REMEMBERED.update({setup.stamp: setup for setup in found if setup.stamp})


async def setup_of_company(work: Work, company: str) -> Setup:
    """The set-up of one company now."""
    return (await _read(work, {company})).get(company, Setup())


async def stored_setup(work: Work, stamp: str | None) -> Setup:
    """The set-up that a decision was made with."""
    if stamp is None:
        return Setup()
    content: Any = await work.conn.fetchval("SELECT content FROM setup_version WHERE stamp = $1", UUID(stamp))
    return setup_of(stamp, content or {})
