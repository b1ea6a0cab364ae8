"""What is set up over HTTP begins again by itself when PostgreSQL ends it for the sake of somebody else."""

from __future__ import annotations

from typing import Any

import pytest

REFUSED_ONCE = """
CREATE SEQUENCE tries;
CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tries') = 1 THEN
        RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_once BEFORE INSERT ON audit_trail FOR EACH ROW EXECUTE FUNCTION refuse_once();
"""
"""The first entry of the audit trail meets a deadlock; the sequence outlives the transaction that is undone."""
RULE = {"company": "DE01", "kind": "days_overdue", "value": "30"}
TRIAL = {"company": "DE01", "since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z", "rules": []}


async def tried(hold: Any) -> tuple[int, int]:
    """How often the audit trail was written to, and what is in it."""
    row = await hold.pool.fetchrow("SELECT last_value AS tries, (SELECT count(*) FROM audit_trail) AS told FROM tries")
    return row["tries"], row["told"]


@pytest.mark.parametrize(("method", "path", "body", "tag", "status"), [
    ("POST", "/rules", RULE, None, 201),
    ("PUT", "/checkpoints/DE01/invoice", {"check_on_posting": True}, '"0"', 200),
    ("PUT", "/parameters/DE01", {"auto_release": False}, '"0"', 200),
    ("PUT", "/rankings/DE01/payment-terms", {"ranks": {"N30": 1}}, '"0"', 200),
    ("PUT", "/reasons/DE01/release/PAID", {"description": "by card"}, '"1"', 200),
    ("DELETE", "/reasons/DE01/release/PAID", None, '"1"', 204),
    ("POST", "/what-if", TRIAL, None, 202),
])  # fmt: skip
@pytest.mark.usefixtures("reasons")
async def test_a_deadlock_is_begun_again(
    hold: Any, kim: Any, method: str, path: str, body: Any, tag: str | None, status: int
) -> None:
    await hold.pool.execute(REFUSED_ONCE)
    done = await kim.send(method, path, body, tag)
    assert done.status_code == status, done.text
    assert await tried(hold) == (2, 1)


async def test_a_rule_that_is_changed_and_removed(hold: Any, kim: Any) -> None:
    path = f"/rules/{(await kim.post('/rules', RULE)).json()['id']}"
    await hold.pool.execute(REFUSED_ONCE)
    assert (await kim.send("PUT", path, RULE | {"value": "40"}, '"1"')).headers["etag"] == '"2"'
    assert await tried(hold) == (2, 2)
    await hold.pool.execute("SELECT setval('tries', 1, false)")
    assert (await kim.send("DELETE", path, None, '"2"')).status_code == 204
    assert await tried(hold) == (2, 3)
