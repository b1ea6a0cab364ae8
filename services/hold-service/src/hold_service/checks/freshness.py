"""How old the facts are that decisions are made from."""

from __future__ import annotations

from holdfast.database.work import Work

FACTS_AGE = """
SELECT CASE WHEN bool_and(greatest(event_time, fresh_at) IS NOT NULL)
       THEN extract(epoch FROM statement_timestamp() - min(greatest(event_time, fresh_at)))::text END
FROM consumer_offset WHERE topic LIKE 'erp.%'
"""
"""In seconds, as text; not known while there is a partition of which nothing has been read."""


def too_old(age: float | None, most: float | None) -> bool:
    """Whether facts of this age may not be decided on; `most` None allows any age."""
    return most is not None and (age is None or age > most)


async def are_too_old(work: Work, most: float | None) -> bool:
    """Whether the facts of this moment may not be decided on."""
    if most is None:
        return False
    age: str | None = await work.conn.fetchval(FACTS_AGE)
    return too_old(None if age is None else float(age), most)
