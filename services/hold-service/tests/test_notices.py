"""Notices about a document are kept by their own versions, in any order; the document still is owed."""

from __future__ import annotations

from typing import Any


async def test_a_dispute_keeps_its_newest_version_whatever_comes_first(hold: Any, ask: Any) -> None:
    await hold.set_up()
    over = ask.event("erp.document.disputed.v1", document="I-1", version=4, disputed=False)
    begun = ask.event("erp.document.disputed.v1", document="I-1", version=3)
    await hold.facts(over)
    await hold.facts(begun, ask.invoice("I-1", "900"))
    row = await hold.pool.fetchrow("SELECT disputed, dispute_version, open_amount FROM document")
    assert tuple(row) == (False, 4, 900)


async def test_a_document_on_hold_still_counts_against_the_limit(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    notice = ask.event("erp.document.put-on-hold.v1", document="I-1")
    await hold.facts(ask.invoice("I-1", "900"), notice)
    assert await hold.pool.fetchval("SELECT on_hold FROM document")
    (answer,) = await hold.check(ask.request("O-1", "200"))
    assert answer["reasons"] == ["credit_exceeded"]
