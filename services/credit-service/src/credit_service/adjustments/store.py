"""The SQL of adjustment journals and their lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from credit_service.adjustments.model import JournalType, Line, Status
from holdfast.database.bulk import columns
from holdfast.database.work import Work

JOURNAL = ("number", "company", "type", "description", "source", "approval_status", "posted", "posted_at",
           "posted_by", "created_at", "created_by", "version")  # fmt: skip
LINE = ("line", "customer", "credit_group", "current_limit", "current_from", "current_to", "new_limit", "new_from",
        "new_to", "replaces", "approval_status", "posted", "basis")  # fmt: skip

ADD_LINES = """
INSERT INTO adjustment_line (journal, line, customer, credit_group, current_limit, current_from, current_to,
                             new_limit, new_from, new_to, replaces)
SELECT $1, (SELECT coalesce(max(line), 0) FROM adjustment_line WHERE journal = $1) + w.n, w.customer, w.credit_group,
       coalesce(t.amount, p.credit_limit, g.credit_limit, 0), coalesce(t.from_date, p.credit_limit_date),
       coalesce(t.to_date, p.credit_limit_expiry_date, g.expiry_date), w.new_limit, w.new_from, w.new_to, w.replaces
FROM unnest($3::text[], $4::text[], $5::numeric[], $6::date[], $7::date[], $8::uuid[])
     WITH ORDINALITY AS w (customer, credit_group, new_limit, new_from, new_to, replaces, n)
LEFT JOIN credit_profile p ON p.customer = w.customer AND p.company = $2
LEFT JOIN credit_group g ON g.name = w.credit_group
LEFT JOIN temporary_limit t ON t.id = w.replaces
RETURNING line
"""
"""The snapshot that a line shows beside the new limit is what is there when the line is made."""

DIGEST = """
SELECT md5(coalesce(string_agg(concat_ws('|', l.line, l.customer, l.credit_group, l.new_limit, l.new_from, l.new_to,
                                         l.replaces, p.credit_limit, p.credit_limit_expiry_date, p.unlimited_credit,
                                         g.credit_limit, g.expiry_date, t.amount, t.from_date, t.to_date),
                               ';' ORDER BY l.line), ''))
FROM adjustment_line l
LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = $2
LEFT JOIN credit_group g ON g.name = l.credit_group
LEFT JOIN temporary_limit t ON t.id = l.replaces
WHERE l.journal = $1 AND ($3::bigint IS NULL OR l.line = $3)
"""
LARGEST = """
SELECT coalesce(g.currency, '') AS currency, max(l.new_limit) AS amount
FROM adjustment_line l LEFT JOIN credit_group g ON g.name = l.credit_group
WHERE l.journal = $1 AND ($2::bigint IS NULL OR l.line = $2) GROUP BY 1
"""
RAISES = """
SELECT EXISTS (
    SELECT FROM adjustment_line l
    LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = $2
    LEFT JOIN credit_group g ON g.name = l.credit_group
    WHERE l.journal = $1 AND NOT l.posted
      AND ($3 OR l.new_limit > coalesce(p.credit_limit, g.credit_limit, 0)
           OR l.new_to > coalesce(p.credit_limit_expiry_date, g.expiry_date, 'infinity')))
"""
"""A temporary limit counts as a raise: it may let the customer owe more from its first day on."""


async def insert(work: Work, company: str, kind: JournalType, description: str, source: str, by: str) -> str:
    """A new draft; answers its number."""
    number: str = await work.conn.fetchval(
        """INSERT INTO adjustment_journal (number, company, type, description, source, created_at, created_by, version)
           VALUES ('ADJ-' || lpad(nextval('adjustment_number')::text, 6, '0'), $1, $2, $3, $4, $5, $6, 1)
           RETURNING number""",
        company, kind, description, source, work.business_now, by,
    )  # fmt: skip
    return number


async def read(work: Work, number: str, *, lock: bool = False) -> asyncpg.Record | None:
    """One journal with the number of its lines."""
    if lock:
        await work.conn.execute("SELECT FROM adjustment_journal WHERE number = $1 FOR UPDATE", number)
    return await work.conn.fetchrow(
        f"""SELECT {", ".join(JOURNAL)}, approved_on,
                   (SELECT count(*) FROM adjustment_line l WHERE l.journal = j.number) AS lines
            FROM adjustment_journal j WHERE number = $1""",
        number,
    )


async def page_of_journals(
    work: Work, companies: list[str] | None, company: str | None, kind: str | None, posted: bool | None,
    after: tuple[datetime, str] | None, limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """Journals, the oldest first."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        f"""SELECT {", ".join(JOURNAL)}, (SELECT count(*) FROM adjustment_line l WHERE l.journal = j.number) AS lines
            FROM adjustment_journal j
            WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
              AND ($3::text IS NULL OR type = $3) AND ($4::boolean IS NULL OR posted = $4)
              AND ($5::timestamptz IS NULL OR (created_at, number) > ($5, $6::text))
            ORDER BY created_at, number LIMIT $7""",
        companies, company, kind, posted, *(after or (None, None)), limit,
    )  # fmt: skip
    return rows


async def page_of_lines(work: Work, number: str, after: int, limit: int) -> list[asyncpg.Record]:
    """Lines of a journal in their order."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        f"""SELECT {", ".join(LINE)}, (SELECT currency FROM credit_group g WHERE g.name = l.credit_group) AS currency
            FROM adjustment_line l WHERE journal = $1 AND line > $2 ORDER BY line LIMIT $3""",
        number, after, limit,
    )  # fmt: skip
    return rows


async def read_line(work: Work, number: str, line: int) -> asyncpg.Record | None:
    """One line."""
    rows = await page_of_lines(work, number, line - 1, 1)
    return rows[0] if rows and rows[0]["line"] == line else None


async def add_lines(work: Work, number: str, company: str, lines: Sequence[Line]) -> list[int]:
    """Append lines to a locked journal; answers their numbers."""
    given = [(x.customer, x.credit_group, x.new_limit, x.new_from, x.new_to, x.replaces) for x in lines]
    return [row["line"] for row in await work.conn.fetch(ADD_LINES, number, company, *columns(given, 6))]


async def remove_line(work: Work, number: str, line: int) -> bool:
    """Take a line out of a locked journal."""
    done: str = await work.conn.execute("DELETE FROM adjustment_line WHERE journal = $1 AND line = $2", number, line)
    return done == "DELETE 1"


async def remove(work: Work, number: str) -> None:
    """Delete a journal with its lines."""
    await work.conn.execute("DELETE FROM adjustment_line WHERE journal = $1", number)
    await work.conn.execute("DELETE FROM adjustment_journal WHERE number = $1", number)


async def subjects(work: Work, number: str) -> list[str]:
    """Whom the lines name, as `Line.subject` does."""
    rows = await work.conn.fetch(
        """SELECT coalesce('customer ' || customer, 'credit group ' || credit_group) AS subject
           FROM adjustment_line WHERE journal = $1""",
        number,
    )
    return [row["subject"] for row in rows]


async def changed(work: Work, number: str, *, description: str | None = None) -> int:
    """A new version of a locked journal; whatever was approved is a draft again. Answers the version."""
    await work.conn.execute(
        "UPDATE adjustment_line SET approval_status = 'draft', approved_on = NULL WHERE journal = $1 AND NOT posted "
        "AND approval_status <> 'draft'",
        number,
    )
    version: int = await work.conn.fetchval(
        """UPDATE adjustment_journal SET version = version + 1, description = coalesce($2, description),
               approval_status = 'draft', approved_on = NULL
           WHERE number = $1 RETURNING version""",
        number, description,
    )  # fmt: skip
    return version


async def set_status(work: Work, number: str, line: int | None, status: Status, digest: str | None) -> None:
    """Where a journal, or a line of it, stands."""
    if line is None:
        await work.conn.execute(
            """UPDATE adjustment_journal SET approval_status = $2, approved_on = $3, version = version + 1
               WHERE number = $1""",
            number, status, digest,
        )  # fmt: skip
        return
    await work.conn.execute(
        "UPDATE adjustment_line SET approval_status = $3, approved_on = $4 WHERE journal = $1 AND line = $2",
        number, line, status, digest,
    )  # fmt: skip
    await work.conn.execute("UPDATE adjustment_journal SET version = version + 1 WHERE number = $1", number)


async def lines_to_ask(work: Work, number: str) -> list[int]:
    """Lines that are neither approved, nor waited for, nor posted."""
    rows = await work.conn.fetch(
        """SELECT line FROM adjustment_line
           WHERE journal = $1 AND NOT posted AND approval_status IN ('draft', 'approval_denied') ORDER BY line""",
        number,
    )
    return [row["line"] for row in rows]


async def digest(work: Work, number: str, company: str, line: int | None = None) -> str:
    """What an approval is asked on: the lines, and the limits that they change as they are now."""
    found: str = await work.conn.fetchval(DIGEST, number, company, line)
    return found


async def largest(work: Work, number: str, line: int | None) -> list[asyncpg.Record]:
    """The highest new limit by currency; the company's own is ''."""
    rows: list[asyncpg.Record] = await work.conn.fetch(LARGEST, number, line)
    return rows


async def raises(work: Work, number: str, company: str, kind: JournalType) -> bool:
    """Whether a line lets somebody owe more, or longer, than now."""
    found: bool = await work.conn.fetchval(RAISES, number, company, kind is JournalType.TEMPORARY)
    return found


async def unknown(work: Work, company: str, lines: Sequence[Line]) -> dict[int, str]:
    """By place in `lines`: fields that name what does not exist in the company."""
    given = [(x.customer, x.credit_group, x.replaces) for x in lines]
    rows = await work.conn.fetch(
        """SELECT w.n - 1 AS n, CASE
               WHEN w.customer IS NOT NULL AND NOT EXISTS (
                   SELECT FROM account a WHERE a.customer = w.customer AND a.company = $1) THEN 'customer'
               WHEN w.credit_group IS NOT NULL AND NOT EXISTS (
                   SELECT FROM credit_group g WHERE g.name = w.credit_group AND g.owner_company = $1)
                   THEN 'credit_group'
               WHEN w.replaces IS NOT NULL AND NOT EXISTS (
                   SELECT FROM temporary_limit t WHERE t.id = w.replaces
                     AND (t.customer = w.customer AND t.company = $1 OR t.credit_group = w.credit_group))
                   THEN 'replaces_temporary_id' END AS field
           FROM unnest($2::text[], $3::text[], $4::uuid[])
                WITH ORDINALITY AS w (customer, credit_group, replaces, n)""",
        company, *columns(given, 3),
    )  # fmt: skip
    return {row["n"]: row["field"] for row in rows if row["field"]}
