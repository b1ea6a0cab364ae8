"""What imports of lines about customers begin with."""

from __future__ import annotations

from collections.abc import Sequence

from credit_service.paths import UNHEARD_OF, UNHEARD_OF_REMEDY
from credit_service.profiles.store import known_customers
from credit_service.tables.model import Fault, Line, Told, refusal
from credit_service.tables.reporting import Wish
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts

AT_ONCE = 1_000
"""Lines that are judged and written by one set of statements."""


async def customers_known(work: Work, lines: Sequence[Line], wish: Wish, told: list[Told]) -> list[Line]:
    """The lines whose customer was ever heard of, or is said to come later; `told` gets the others. But for a dry run
    all customers are locked, in sorted order, before anything is read of them."""
    named = {line.cells["customer"] for line in lines}
    known = named - {""} if wish.confirm_unknown_customer else await known_customers(work, wish.company, named)
    told += [refusal(line, name, _unknown(name)) for line in lines if (name := line.cells["customer"]) not in known]
    if not wish.dry_run:
        await lock_accounts(work, {(wish.company, name) for name in known})
    return [line for line in lines if line.cells["customer"] in known]


def _unknown(name: str) -> Fault:
    return Fault("customer", name, UNHEARD_OF if name else "no customer is named", UNHEARD_OF_REMEDY)
