"""The scalar types of the catalogue: read strictly from JSON, so that nothing is guessed from a wrong shape.

In JSON an amount is a string (a JSON number has often been a binary float before), a date is `YYYY-MM-DD`,
an instant has its offset from UTC. Python code hands in `Decimal`, `date` and `datetime`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, cast

import orjson
from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from holdfast.contracts.currencies import MINOR_UNITS, QUANTA
from holdfast.contracts.refusals import pattern, refused, shorten

JsonSchema = dict[str, Any]
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
FREE_BYTES, FREE_DEPTH = 50_000, 20
FIRST_INSTANT, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

DAY = pattern(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "Write the date as YYYY-MM-DD, such as 2026-03-02.")
INSTANT = pattern(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:",
    "Write the instant with its offset from UTC, such as 2026-03-02T09:15:00Z.",
)
ONE_WORD = pattern(r"^[^/\s\x00-\x1f]+$", "Leave out slashes, blanks and control characters.")
TRIMMED = pattern(
    r"^[^\s\x00-\x1f]([^\x00-\x1f]*[^\s\x00-\x1f])?$",
    "Leave out blanks at either end and control characters.",
)
CAPITALS3 = pattern(r"^[A-Z]{3}$", "Write three capital letters, such as EUR.")
CAPITALS2 = pattern(r"^[A-Z]{2}$", "Write two capital letters, such as DE.")
HOLD_NUMBER = pattern(r"^H-[0-9]{6,18}$", "Write the number of a hold, such as H-000017.")
WITHOUT_NUL = pattern(r"^[^\x00]*$", "Leave out the NUL character.")


def _from_json(text: CoreSchema, value: CoreSchema, shape: str | None = None) -> CoreSchema:
    """JSON must be a string of the right shape; Python may also be the value itself, but never a number.

    A text in Python, such as a parameter of a request, must have the `shape` too: "0" is no day.
    """

    def check(given: Any) -> Any:
        if shape is not None and isinstance(given, str) and not re.search(shape, given):
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": shape})
        return _no_float(given)

    return core_schema.json_or_python_schema(
        json_schema=core_schema.chain_schema([text, value]),
        python_schema=core_schema.no_info_before_validator_function(check, value),
    )


def _no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise refused("a binary floating point number", 'Write it as a decimal string such as "12.50".')
    return value


@dataclass(frozen=True)
class DecimalText:
    """A decimal number written as a string, with its limits."""

    digits: int = 19
    places: int = 4
    ge: Decimal | None = None
    gt: Decimal | None = None

    @property
    def pattern(self) -> str:
        sign = "-?" if self.ge is None and self.gt is None else ""
        whole = self.digits - self.places
        remedy = (
            f'Write a decimal such as "12.50"{"" if sign else ", not negative"}: {whole} digits before '
            f"the point and {self.places} after it, no thousands separators, no exponent."
        )
        return pattern(rf"^{sign}[0-9]{{1,{whole}}}(\.[0-9]{{1,{self.places}}})?$", remedy)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        value = core_schema.decimal_schema(
            max_digits=self.digits, decimal_places=self.places, ge=self.ge, gt=self.gt, allow_inf_nan=False,
            # A database gives 6240000 back as 6.24E+6, which no reader takes.
            serialization=core_schema.format_ser_schema("f", when_used="json-unless-none"),
        )  # fmt: skip
        return _from_json(core_schema.str_schema(pattern=self.pattern), value)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "decimal", "pattern": self.pattern}


class _Fits:
    """No database holds more. The released schemas do not say so, and a limit that is added later would break them."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cast(CoreSchema, {**handler(source), "le": 2**63 - 1})

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(schema).items() if name != "maximum"}


class _Day:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=DAY)
        return _from_json(text, core_schema.date_schema(ge=FIRST_DAY, le=LAST_DAY), DAY)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


class _Instant:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=INSTANT, max_length=40)
        value = core_schema.datetime_schema(tz_constraint="aware", ge=FIRST_INSTANT, lt=END)
        return _from_json(text, value, INSTANT)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


def _iso4217(code: str) -> str:
    if code not in MINOR_UNITS:
        raise refused(f"{code} is not a currency of ISO 4217", "Send a code that is in force, such as EUR.")
    return code


def _storable(found: dict[str, Any]) -> dict[str, Any]:
    for path, value in _within(found, "", 1):
        if isinstance(value, str) and not is_storable(value):
            raise refused("a text with a NUL character or half a character", "Leave it out.", path, value)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise refused("a number that 64 bits do not hold", "Send it as a text.", path, shorten(value))
        if isinstance(value, float) and not isfinite(value):
            raise refused("not a finite number", "Send it as a text.", path, value)
    if len(orjson.dumps(found)) > FREE_BYTES:
        raise refused("too large", f"Send at most {FREE_BYTES} bytes of JSON here.")
    return found


def is_storable(text: str) -> bool:
    """Whether a database and JSON in UTF-8 can hold it."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def _within(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Names and simple values at any depth, each with its path."""
    if depth > FREE_DEPTH:
        raise refused(f"nested deeper than {FREE_DEPTH} levels", "Send a flatter object.", path.rpartition(".")[0], "…")
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in pairs:
        here = f"{path}.{name}".lstrip(".")
        yield here, name
        if isinstance(part, dict | list | tuple):
            yield from _within(part, here, depth + 1)
        else:
            yield here, part


def check_minor_units(currency: str, part: Any, *fields: str, at: str = "") -> None:
    """Refuse amounts of `part` that are more precise than `currency` has minor units."""
    quantum = QUANTA[currency]
    for name in fields:
        amount = getattr(part, name)
        if amount is not None and not amount.same_quantum(quantum) and amount % quantum:
            problem = f"more precise than {currency}, which has {MINOR_UNITS[currency]} decimals"
            raise refused(problem, f"Round it to a multiple of {quantum} {currency}.", at + name, amount)


class _Sum(DecimalText):
    """A sum has no limit of its own in the schema: it has more digits than any of its parts."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "decimal"}


Amount = Annotated[Decimal, DecimalText()]
"""A signed decimal amount, written as a string; its currency is named by the field's description."""
Total = Annotated[Decimal, _Sum(digits=34)]
"""A sum of amounts, such as a balance."""
Positive = Annotated[Decimal, DecimalText(ge=Decimal(0))]
"""An amount or quantity that is never negative."""
Percent = Annotated[Decimal, DecimalText(ge=Decimal(0)), Field(le=100)]
"""A share from 0 to 100."""
Rate = Annotated[Decimal, DecimalText(digits=24, places=12, gt=Decimal(0))]
BusinessDate = Annotated[date, _Day()]
"""A calendar date in the company's time zone, 1900 to 2199."""
Instant = Annotated[datetime, _Instant()]
"""An instant with its offset from UTC, 1900 to 2199."""
CompanyId = Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=ONE_WORD)]
"""Company (legal entity) of the ERP; no slash, since it is the first half of the record key."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=TRIMMED)]
"""An identifier of the ERP, taken as it is; no blank at either end: two that look alike would differ."""
Code = Annotated[str, StringConstraints(min_length=1, max_length=30, pattern=TRIMMED)]
"""A short code of the ERP, such as a payment term."""
Currency = Annotated[str, StringConstraints(pattern=CAPITALS3), AfterValidator(_iso4217)]
"""ISO 4217 currency code."""
Country = Annotated[str, StringConstraints(pattern=CAPITALS2)]
"""ISO 3166-1 alpha-2 country code."""
Text = Annotated[str, StringConstraints(max_length=2000, pattern=WITHOUT_NUL)]
FreeForm = Annotated[dict[str, Any], AfterValidator(_storable)]
"""An object of the sender's own that is kept and given back as it is."""
Number = Annotated[int, _Fits()]
"""A whole number that 64 bits hold."""
Version = Annotated[int, Field(ge=1, le=2**62, strict=True)]
"""Version of the document the event speaks of; grows with each change of that document in the ERP."""
