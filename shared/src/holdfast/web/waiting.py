"""What waits for another fact over HTTP; a service mounts it with the permission of who may look at its facts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.contracts.scalars import ONE_WORD
from holdfast.database.work import transaction
from holdfast.receivables.waiting import KINDS, read_waiting
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.problems import responses

Company = Annotated[str | None, Query(max_length=20, pattern=ONE_WORD)]
What = Annotated[str | None, Query(pattern=f"^({'|'.join(KINDS)})$", description="only facts of this kind")]


def create_router(permission: str) -> APIRouter:
    """`GET /v1/waiting`."""
    router = APIRouter(prefix="/v1/waiting", tags=["waiting"])
    reader = Depends(require(permission))

    @router.get(
        "", operation_id="listWaiting", responses={200: {"description": "What waits, and for what"}, **responses()}
    )
    async def list_waiting(
        request: Request, caller: Caller = reader, company: Company = None, what: What = None,
        cursor: Cursor = None, limit: Limit = 50,
    ) -> Response:  # fmt: skip
        """Facts that came before one that they speak of: nothing is dropped for it, and this is what is still to come.

        A settlement waits for its documents, a cancellation, dispute or hold (`notice`) for its document, a reversal
        for its settlement, a customer with figures (`account`) for its own and its company's master data; what was
        delivered, billed or cancelled waits for its order. `number` is the number of what waits.
        """
        after = decode_cursor(cursor, str, str, str, str)
        async with transaction(request.app.state.pool, clock=False) as work:
            rows = await read_waiting(work, caller.company_filter(), company, what, after, limit + 1)
        kept, following = page(rows, limit, lambda row: (row.company, row.what, row.number, row.waits_for))
        return shown({"items": [asdict(row) for row in kept], "next_cursor": following})

    return router
