"""Statements that are put together from others."""

from __future__ import annotations

from holdfast.database.bulk import after_first, shifted

GIVEN_AND_KEPT = """
WITH given AS (
    SELECT * FROM unnest($1::text[]) AS g (id)
), kept AS (
    INSERT INTO t SELECT id, $2 FROM given
)
SELECT count(*) FROM given
"""


def test_a_statement_goes_on_from_rows_of_its_callers() -> None:
    whole = "WITH given AS (\n    SELECT $1::text AS id" + after_first(shifted(GIVEN_AND_KEPT, 1)).rstrip()
    assert whole.splitlines() == [
        "WITH given AS (",
        "    SELECT $1::text AS id",
        "), kept AS (",
        "    INSERT INTO t SELECT id, $3 FROM given",
        ")",
        "SELECT count(*) FROM given",
    ]
