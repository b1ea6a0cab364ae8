"""Strong ETags from row versions; a change names the version it was made on."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header

from holdfast.web.problems import Problem

IfMatch = Annotated[str | None, Header(alias="If-Match", description="ETag of the version you read")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="`*` to create")]


def etag(version: int) -> str:
    """The ETag of a row version."""
    return f'"{version}"'


def check_if_match(given: str | None, version: int) -> None:
    """Raises Problem 428 when If-Match is missing, 412 when the resource has changed meanwhile."""
    if given is None:
        raise Problem(
            428, "if-match-required", "Say which version you change",
            "Read the resource and send its ETag in the header If-Match.",
        )  # fmt: skip
    tags = {tag.strip() for tag in given.split(",")}
    if "*" not in tags and etag(version) not in tags:
        raise Problem(
            412, "changed-meanwhile", "The resource has changed meanwhile",
            f"Its ETag is {etag(version)}. Read it again, and decide whether your change still stands.",
        )  # fmt: skip


def check_written(written: object) -> None:
    """Raises Problem 412 when a write that names the version before it found another one."""
    if not written:
        raise Problem(
            412, "changed-meanwhile", "The resource has changed meanwhile",
            "Somebody else was first. Read it again, and decide whether your change still stands.",
        )  # fmt: skip


def check_put(what: str, version: int | None, if_match: str | None, if_none_match: str | None) -> None:
    """A PUT that creates names `If-None-Match: *`, one that changes `If-Match`; `version` None: there is nothing yet.

    Raises Problem 412 or 428.
    """
    if version is not None:
        if if_match is None and if_none_match == "*":
            raise Problem(
                412, "changed-meanwhile", f"There is a {what} already",
                f"Its ETag is {etag(version)}. Read it, and send that in If-Match to change it.",
            )  # fmt: skip
        check_if_match(if_match, version)
    elif if_match is not None:
        raise Problem(412, "changed-meanwhile", f"There is no {what} yet", "Create it with If-None-Match: *.")
    elif if_none_match != "*":
        raise Problem(
            428, "if-match-required", "Say that you create it", f"There is no {what} yet; send If-None-Match: *."
        )


def version_of(tag: str) -> int | None:
    """The version in an ETag of ours."""
    found = re.fullmatch(r'"(\d{1,18})"', tag.strip())
    return int(found[1]) if found else None
