"""Account statuses, reasons, groups and types over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import ValidationError

from credit_service.masterdata import store
from credit_service.masterdata.model import LISTS, Entry
from credit_service.masterdata.uses import must_be_unused
from holdfast.contracts.scalars import ONE_WORD
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, check_put, check_written
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import Problem, field_problem, not_found, responses

router = APIRouter(prefix="/v1/master-data", tags=["master data"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("master-data:maintain"))]
ListName = Annotated[str, Path(pattern=f"^({'|'.join(LISTS)})$", description=", ".join(LISTS))]
Code = Annotated[str, Path(max_length=30, pattern=ONE_WORD)]


@router.get(
    "/{name}/{company}", operation_id="listMasterData", responses={200: {"description": "The list"}, **responses(404)}
)
async def list_entries(request: Request, name: ListName, company: Company, caller: Reader) -> Response:
    """All entries of a list of a company."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.entries(work, company, name)
    return shown({"items": [_shown(row) for row in rows]})


@router.get(
    "/{name}/{company}/{code}",
    operation_id="getMasterData",
    responses={200: {"description": "The entry"}, **responses(404)},
)
async def get_entry(request: Request, name: ListName, company: Company, code: Code, caller: Reader) -> Response:
    """One entry with its ETag."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await store.read_entry(work, company, name, code)
    if row is None:
        raise not_found(f"{code} in {name} of {company}")
    return shown(_shown(row), row["version"])


@router.put(
    "/{name}/{company}/{code}",
    operation_id="setMasterData",
    responses={200: {"description": "The entry"}, **responses(404, 409, 412, 428)},
)
async def set_entry(
    request: Request,
    name: ListName,
    company: Company,
    code: Code,
    given: dict[str, Any],
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set an entry: `If-None-Match: *` creates it, `If-Match` changes the version you read."""
    see(caller, company)
    entry = _entry(LISTS[name], given)

    async def act(work: Work) -> Answer:
        row = await store.read_entry(work, company, name, code, "FOR NO KEY UPDATE")
        check_put("entry", row["version"] if row else None, if_match, if_none_match)
        version = (row["version"] if row else 0) + 1
        check_written(await store.write_entry(work, company, name, code, entry.model_dump(mode="json"), version))
        after = {"id": code, **entry.model_dump(mode="json"), "version": version}
        await _audit(work, caller, company, f"{name}/{code}", _shown(row) if row else None, after)
        return answer(after, version=version)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{name}/{company}/{code}",
    operation_id="deleteMasterData",
    status_code=204,
    responses={204: {"description": "Removed"}, **responses(404, 409, 412, 428)},
)
async def delete_entry(
    request: Request,
    name: ListName,
    company: Company,
    code: Code,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove an entry that nothing names."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        row = await store.read_entry(work, company, name, code, "FOR UPDATE")
        if row is None:
            raise not_found(f"{code} in {name} of {company}")
        check_if_match(if_match, row["version"])
        await must_be_unused(work, company, name, code)
        await store.delete_entry(work, company, name, code)
        await _audit(work, caller, company, f"{name}/{code}", _shown(row), None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


def unknown_reference(company: str, name: str, code: str, field: str) -> Problem:
    """Another resource refers to an entry that does not exist."""
    return field_problem(
        422, "unknown-reference", "The request names something that does not exist", field, code,
        f"is not among the {name} of {company}", f"Create it first: PUT /v1/master-data/{name}/{company}/{code}.",
    )  # fmt: skip


def _entry(cls: type[Entry], given: dict[str, Any]) -> Entry:
    try:
        return cls.model_validate(given)
    except ValidationError as error:
        errors = [
            {
                "field": ".".join(map(str, e["loc"])) or "body",
                "problem": e["msg"],
                "remedy": "Correct it and send again.",
            }
            for e in error.errors()
        ]
        raise Problem(422, "invalid", "The request is not valid", errors[0]["problem"], errors) from None


async def _audit(work: Work, caller: Caller, company: str, subject: str, before: Any, after: Any) -> None:
    await audit.record(
        work, who=caller.subject, what="master-data.changed", company=company, subject=subject,
        before=before, after=after,
    )  # fmt: skip


def _shown(row: Any) -> dict[str, Any]:
    return {"id": row["id"], **row["fields"], "version": row["version"]}
