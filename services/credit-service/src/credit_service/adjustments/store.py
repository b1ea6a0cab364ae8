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

ASKED_ON = """concat_ws('|', l.line, l.customer, l.credit_group, l.new_limit, l.new_from, l.new_to, l.replaces,
                  p.credit_limit, p.credit_limit_expiry_date, p.unlimited_credit, p.mandatory_credit_limit,
                  p.exclude_from_credit_management, p.ignore_until_date, g.credit_limit, g.expiry_date, t.amount,
                  t.from_date, t.to_date, m.credit_group,
                  (SELECT string_agg(concat(c.id, ':', c.version), ',' ORDER BY c.id) FROM credit_policy c
                   WHERE c.customer = l.customer AND c.company = $2))"""
OF_LINES = """
FROM adjustment_line l
LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = $2
LEFT JOIN credit_group g ON g.name = l.credit_group
LEFT JOIN credit_group_member m ON m.customer = l.customer AND m.company = $2
LEFT JOIN temporary_limit t ON t.id = l.replaces
WHERE l.journal = $1 AND NOT l.posted
"""
DIGEST = f"""
SELECT md5(coalesce(string_agg({ASKED_ON}, ';' ORDER BY l.line), '')) {OF_LINES}
  AND ($3::bigint IS NULL OR l.line = $3)
"""
DIGESTS = f"SELECT l.line, md5({ASKED_ON}) AS digest {OF_LINES} AND l.line = ANY($3::bigint[])"


async def insert(work: Work, company: str, kind: JournalType, description: str, source: str, by: str) -> str:
    """A new draft; answers its number."""
    number: str = await work.conn.fetchval(
        """INSERT INTO adjustment_journal (number, company, type, description, source, created_at, created_by, version,
                                           authors)
           VALUES ('ADJ-' || lpad(nextval('adjustment_number')::text, 6, '0'), $1, $2, $3, $4, $5, $6, 1,
                   ARRAY[$6::text])
           RETURNING number""",
        company, kind, description, source, work.business_now, by,
    )  # fmt: skip
    return number


async def read(work: Work, number: str, *, lock: bool = False) -> asyncpg.Record | None:
    """One journal with the number of its lines."""
    if lock:
        await work.conn.execute("SELECT FROM adjustment_journal WHERE number = $1 FOR UPDATE", number)
    return await work.conn.fetchrow(
        f"""SELECT {", ".join(JOURNAL)}, approved_on, authors,
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
        f"""SELECT {", ".join(LINE)}, (SELECT currency FROM credit_group g WHERE g.name = l.credit_group) AS currency,
                   (SELECT coalesce(p.customer_currency, c.currency) FROM adjustment_journal j
                    LEFT JOIN customer c ON c.customer = l.customer AND c.company = j.company
                    LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = j.company
                    WHERE j.number = l.journal) AS own_currency
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


async def remove_line(work: Work, number: str, line: int) -> None:
    """Take a line out of a locked journal."""
    await work.conn.execute("DELETE FROM adjustment_line WHERE journal = $1 AND line = $2", number, line)


async def remove(work: Work, number: str) -> None:
    """Delete a journal with its lines."""
    await work.conn.execute("DELETE FROM adjustment_line WHERE journal = $1", number)
    await work.conn.execute("DELETE FROM adjustment_journal WHERE number = $1", number)


async def subjects(work: Work, number: str) -> list[str]:
    """Whom the lines name, as `Line.subject` does."""
    rows = await work.conn.fetch(
        """SELECT coalesce('customer ' || customer, 'credit group ' || credit_group) AS subject
           FROM adjustment_line WHERE journal = $1 AND NOT posted""",
        number,
    )
    return [row["subject"] for row in rows]


async def changed(work: Work, number: str, by: str, *, description: str | None = None) -> int:
    """A new version of a locked journal that is somebody's doing too; whatever was approved is a draft again. When
    nothing but posted lines is left it is posted. Answers the version."""
    await work.conn.execute(
        "UPDATE adjustment_line SET approval_status = 'draft', approved_on = NULL WHERE journal = $1 AND NOT posted "
        "AND approval_status <> 'draft'",
        number,
    )
    version: int = await work.conn.fetchval(
        """UPDATE adjustment_journal j SET version = version + 1, description = coalesce($2, description),
               approval_status = 'draft', approved_on = NULL,
               authors = ARRAY(SELECT DISTINCT unnest(j.authors || $3::text) ORDER BY 1),
               posted = posted_at IS NOT NULL
                        AND NOT EXISTS (SELECT FROM adjustment_line l WHERE l.journal = j.number AND NOT l.posted)
           WHERE number = $1 RETURNING version""",
        number, description, by,
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


async def set_lines(work: Work, number: str, statuses: Sequence[tuple[int, Status, str | None]]) -> None:
    """Where lines of a locked journal stand: line, status, digest."""
    await work.conn.execute(
        """UPDATE adjustment_line l SET approval_status = s.status, approved_on = s.digest
           FROM unnest($2::bigint[], $3::text[], $4::text[]) AS s (line, status, digest)
           WHERE l.journal = $1 AND l.line = s.line""",
        number, *columns([(line, str(status), digest) for line, status, digest in statuses], 3),
    )  # fmt: skip
    await work.conn.execute("UPDATE adjustment_journal SET version = version + 1 WHERE number = $1", number)


async def open_lines(work: Work, number: str) -> list[asyncpg.Record]:
    """Lines that are not posted, with where they stand."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT line, customer, credit_group, approval_status, approved_on FROM adjustment_line
           WHERE journal = $1 AND NOT posted ORDER BY line""",
        number,
    )
    return rows


async def digests(work: Work, number: str, company: str, lines: Sequence[int]) -> dict[int, str]:
    """What approvals of single open lines are asked on, as `digest` of each."""
    rows = await work.conn.fetch(DIGESTS, number, company, lines)
    return {row["line"]: row["digest"] for row in rows}


async def open_requests(work: Work, number: str) -> list[asyncpg.Record]:
    """Requests that are open for a journal or its lines, of whichever company."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT * FROM approval WHERE proposal ->> 'journal' = $1 AND proposal ? 'journal'
           AND state IN ('submitted', 'approval_pending', 'change_requested') ORDER BY created_at, id""",
        number,
    )
    return rows


async def waiting_lines(work: Work, number: str, company: str, kind: str) -> list[asyncpg.Record]:
    """Requests of a company for lines of a locked journal that wait for a decision, locked."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT * FROM approval WHERE proposal ->> 'journal' = $1 AND proposal ? 'journal' AND company = $2
             AND kind = $3 AND state = 'approval_pending'
           ORDER BY id FOR UPDATE""",
        number, company, kind,
    )  # fmt: skip
    return rows


async def digest(work: Work, number: str, company: str, line: int | None = None) -> str:
    """What an approval is asked on: the lines, and the limits that they change as they are now."""
    found: str = await work.conn.fetchval(DIGEST, number, company, line)
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
