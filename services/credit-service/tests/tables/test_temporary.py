"""Temporary limits from and to CSV: a file becomes a draft journal (spec 1.9, 1.12)."""

from __future__ import annotations

from typing import Any

FILE = """customer,amount,from_date,to_date
C-1,5000,2026-04-01,2026-06-30
C-2,7000.00,2026-03-01,2026-03-31
"""


def outcomes(report: dict[str, Any]) -> list[str]:
    """What became of the lines, in order."""
    return [line["outcome"] for line in report["lines"]]


async def post(files: Any, journal: str) -> None:
    posted = await files.call("POST", f"/v1/adjustments/{journal}/post", json={})
    assert posted.status_code == 200, posted.text


async def test_a_file_becomes_a_journal_and_an_export_changes_nothing(files: Any) -> None:
    dry = await files.take("temporary-limits", FILE, dry_run=True)
    assert (outcomes(dry), dry["journal"]) == (["drafted", "drafted"], None)
    found = await files.take("temporary-limits", FILE, reason="season")
    journal = (await files.call("GET", f"/v1/adjustments/{found['journal']}")).json()
    assert (journal["type"], journal["source"], journal["description"], journal["lines"]) == (
        "temporary_credit_limit", "import", "season", 2)  # fmt: skip
    assert await files.rows("temporary-limits") == []
    await post(files, found["journal"])
    rows = await files.rows("temporary-limits", company="DE01")
    assert [(r["customer"], r["amount"], r["currency"], r["journal"]) for r in rows] == [
        ("C-2", "7000.00", "EUR", found["journal"]), ("C-1", "5000.00", "EUR", found["journal"])]  # fmt: skip
    for text in (FILE, await files.export("temporary-limits")):
        again = await files.take("temporary-limits", text)
        assert (outcomes(again), again["journal"]) == (["unchanged"] * 2, None)


async def test_a_line_with_an_id_replaces_that_limit(files: Any) -> None:
    await post(files, (await files.take("temporary-limits", FILE))["journal"])
    second, first = (row["id"] for row in await files.rows("temporary-limits"))
    text = f"id,amount,to_date\n{first},6000,2026-07-31\n{second},7000,2026-03-31\n"
    found = await files.take("temporary-limits", text)
    assert outcomes(found) == ["drafted", "unchanged"]
    assert found["lines"][0]["fields"] == ["amount", "to_date"]
    await post(files, found["journal"])
    rows = await files.rows("temporary-limits")
    assert [(r["customer"], r["amount"], r["to_date"]) for r in rows] == [
        ("C-2", "7000.00", "2026-03-31"), ("C-1", "6000.00", "2026-07-31")]  # fmt: skip


async def test_what_cannot_be_is_refused_line_by_line(files: Any) -> None:
    text = """id,company,customer,credit_group,amount,currency,from_date,to_date
,,C-1,,5,,,2026-06-30
,,C-2,,5,USD,2026-04-01,2026-06-30
,,C-3,,5,,2026-04-01,2026-03-30
,,C-4,,5.001,,2026-04-01,2026-06-30
,,X-1,,5,,2026-04-01,2026-06-30
,,,NONE,5,,2026-04-01,2026-06-30
,US01,C-5,,5,,2026-04-01,2026-06-30
nothing,,C-5,,5,,2026-05-01,2026-06-30
,,C-6,,5,,2026-04-01,2026-06-30
,,C-6,,6,,2026-04-01,2026-05-30
"""
    found = await files.take("temporary-limits", text, all_or_nothing=True)
    assert (found["applied"], found["journal"]) == (False, None)
    assert [x.get("field") for x in found["lines"]] == [
        "from_date", "amount", "to_date", "amount", "customer", "credit_group", "company", "id", None, "line",
    ]  # fmt: skip
    assert (await files.take("temporary-limits", text))["journal"] is not None
