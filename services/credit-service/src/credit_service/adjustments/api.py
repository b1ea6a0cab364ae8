"""Adjustment journals over HTTP: made, generated, submitted, posted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from credit_service.adjustments import approval, posting, store
from credit_service.adjustments.automatic import SOURCE
from credit_service.adjustments.bodies import (
    DescriptionBody,
    GenerateBody,
    JournalBody,
    NewGeneratedBody,
    SubmitBody,
)  # fmt: skip
from credit_service.adjustments.drafting import draft_journal, must_be_valid
from credit_service.adjustments.eligible import warnings
from credit_service.adjustments.filling import fill_journal
from credit_service.adjustments.model import JournalType
from credit_service.adjustments.opening import must_be_open, must_not_be_posted, must_not_wait, opened
from credit_service.adjustments.shown import shown_journal
from credit_service.profiles.changing import company_of
from holdfast.approvals.api import shown_approval
from holdfast.contracts.scalars import ONE_WORD
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import Problem, responses

router = APIRouter(prefix="/v1/adjustments", tags=["adjustments"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Editor = Annotated[Caller, Depends(require("journals:edit"))]
Poster = Annotated[Caller, Depends(require("journals:post"))]
Number = Annotated[str, Path(max_length=40, pattern=ONE_WORD)]
Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]


@router.get("", operation_id="listAdjustments", responses={200: {"description": "A page of journals"}, **responses()})
async def list_journals(
    request: Request, caller: Reader, company: Named = None, type: JournalType | None = None,
    posted: bool | None = None, cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Journals of the caller's companies, the oldest first."""
    after = _after(cursor)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_journals(work, caller.company_filter(), company, type, posted, after, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["created_at"].isoformat(), row["number"]))
    return shown({"items": [shown_journal(row) for row in kept], "next_cursor": following})


@router.get("/{number}", operation_id="getAdjustment", responses={200: {"description": "Journal"}, **responses(404)})
async def get_journal(request: Request, number: Number, caller: Reader) -> Response:
    """One journal with its ETag; its lines are a list of their own."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await opened(work, number, caller, lock=False)
    return shown(shown_journal(row), row["version"])


@router.post(
    "", operation_id="draftAdjustment", status_code=201,
    responses={201: {"description": "Drafted"}, **responses(404, 409)},
)  # fmt: skip
async def draft(
    request: Request, given: JournalBody, caller: Editor, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make a draft journal."""
    see(caller, given.company)

    async def act(work: Work) -> Answer:
        await company_of(work, given.company)
        lines = [body.line() for body in given.lines]
        await must_be_valid(work, given.company, given.type, lines)
        number = await draft_journal(
            work, given.company, given.type, lines, by=caller.subject, description=given.description, source="manual"
        )
        return await _answer(work, number, caller, 201)

    return await once(request, caller, idempotency_key, act)


@router.put(
    "/{number}", operation_id="changeAdjustment",
    responses={200: {"description": "Changed"}, **responses(404, 409, 412, 428)},
)  # fmt: skip
async def change(
    request: Request, number: Number, given: DescriptionBody, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Change the description; what was approved is a draft again."""

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match, must_match=True)
        must_be_open(journal)
        await must_not_wait(work, journal)
        await store.changed(work, number, caller.subject, description=given.description)
        return await _answer(work, number, caller)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{number}", operation_id="deleteAdjustment", status_code=204,
    responses={204: {"description": "Deleted"}, **responses(404, 409, 412, 428)},
)  # fmt: skip
async def delete(
    request: Request, number: Number, caller: Editor, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
) -> Response:
    """Delete a journal that is not posted and does not wait for approval."""

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match, must_match=True)
        must_be_open(journal)
        must_not_be_posted(posted=journal["posted_at"] is not None)
        await must_not_wait(work, journal)
        await approval.withdraw(work, number, caller.subject, "The journal was deleted.")
        await store.remove(work, number)
        await audit.record(
            work, who=caller.subject, what="adjustment.deleted", company=journal["company"], subject=number,
            before=shown_journal(journal), after=None,
        )  # fmt: skip
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


@router.post(
    "/{number}/generate", operation_id="generateAdjustmentLines",
    responses={200: {"description": "Lines were made"}, **responses(404, 409, 412)},
)  # fmt: skip
async def generate_lines(
    request: Request, number: Number, given: GenerateBody, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Append lines for the limits that exist, raised, lowered and rounded (spec 2.11), or for automatic ones (2.10).

    Those without a date to start from, or without a limit by the rules, get no line: the answer counts them and names
    the first hundred.
    """

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match)
        must_be_open(journal)
        await must_not_wait(work, journal)
        made = await fill_journal(work, journal, given, caller.subject)
        return answer(made, version=await store.changed(work, number, caller.subject))

    return await once(request, caller, idempotency_key, act)


@router.post(
    "/generate", operation_id="generateAdjustment", status_code=201,
    responses={201: {"description": "Drafted"}, **responses(404, 409)},
)  # fmt: skip
async def generate_journal(
    request: Request, given: NewGeneratedBody, caller: Editor, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make a draft journal and fill it, in one go."""
    see(caller, given.company)

    async def act(work: Work) -> Answer:
        await company_of(work, given.company)
        number = await draft_journal(
            work,
            given.company,
            given.type,
            [],
            by=caller.subject,
            description=given.description,
            source=SOURCE if given.source == SOURCE else "generated",
        )
        made = await fill_journal(work, await opened(work, number, caller), given, caller.subject)
        row = await opened(work, number, caller)
        return answer(shown_journal(row) | made, 201, row["version"])

    return await once(request, caller, idempotency_key, act)


@router.post(
    "/{number}/submit", operation_id="submitAdjustment",
    responses={200: {"description": "Submitted"}, **responses(404, 409, 412)},
)  # fmt: skip
async def submit(
    request: Request, number: Number, given: SubmitBody, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Ask for approval of the journal, or of each of its lines where the company has lines approved: of those that are
    drafts, were denied or sent back, or whose approval has lapsed. The answer shows the first five hundred requests.
    """

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match)
        must_be_open(journal)
        asked = await approval.submit(work, journal, caller.subject, given.note, confirmed=given.confirm_group_limit)
        after = await opened(work, number, caller)
        seen = [shown_approval(row, caller) for row in asked if caller.sees(row["company"])]
        body = shown_journal(after) | {
            "approvals": seen, "warnings": await warnings(work, number, journal["company"])
        }  # fmt: skip
        return answer(body, version=after["version"])

    return await once(request, caller, idempotency_key, act)


@router.post(
    "/{number}/post", operation_id="postAdjustment",
    responses={200: {"description": "Posted"}, **responses(404, 409, 412)},
)  # fmt: skip
async def post(
    request: Request, number: Number, given: SubmitBody, caller: Poster, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Post the journal, or its approved lines: the limits take effect and every service is told. It is done once."""

    async def act(work: Work) -> Answer:
        journal = await opened(work, number, caller, if_match)
        noted = await warnings(work, number, journal["company"])
        lines = await posting.post(work, journal, caller.subject, confirmed=given.confirm_group_limit)
        after = await opened(work, number, caller)
        return answer(shown_journal(after) | {"posted_lines": lines, "warnings": noted}, version=after["version"])

    return await once(request, caller, idempotency_key, act)


async def _answer(work: Work, number: str, caller: Caller, status: int = 200) -> Answer:
    row = await opened(work, number, caller)
    return answer(shown_journal(row), status, row["version"])


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    found = decode_cursor(cursor, str, str)
    try:
        at = datetime.fromisoformat(found[0]) if found else None
    except ValueError:
        raise Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.") from None
    if found and (at is None or at.tzinfo is None):
        raise Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.")
    return (at, found[1]) if found and at else None
