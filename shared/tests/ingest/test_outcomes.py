"""Each event of a request gets an answer of its own, in the order of the request."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.bus.port import BusUnavailable, Outgoing, Position, RecordRefused
from holdfast.bus.undigestible import Undigestible
from holdfast.contracts import REGISTRY
from holdfast.contracts.schemas import example_of
from holdfast.ingest.intake import from_structured
from holdfast.ingest.outcomes import deliver, invalid

EVENT = from_structured(example_of(REGISTRY["erp.payment.posted.v1"]))
WRONG = invalid(Undigestible("amount", "1.5", "a number", "Write a string."))


class Answers:
    """The end of the line: answers as it is told to."""

    def __init__(self, *answers: Position | RecordRefused | BusUnavailable) -> None:
        self._answers = answers

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, records: Sequence[Outgoing]) -> list[Position | RecordRefused]:
        if any(isinstance(answer, BusUnavailable) for answer in self._answers):
            raise BusUnavailable
        return [answer for answer in self._answers if not isinstance(answer, BusUnavailable)]


async def test_answers_are_in_the_order_of_the_request() -> None:
    producer = Answers(Position(EVENT.outgoing.topic, 3, 120), RecordRefused("1.2 MB"))
    outcomes = await deliver(producer, [WRONG, EVENT, EVENT])
    assert [outcome.status for outcome in outcomes] == [400, 202, 413]
    assert outcomes[1].position == "erp.receivables.v1:3:120"
    assert outcomes[0].errors[0].model_dump() == {
        "field": "amount", "value": "1.5", "problem": "a number", "remedy": "Write a string.",
    }  # fmt: skip


async def test_a_bus_that_is_away_is_a_503_for_each() -> None:
    outcomes = await deliver(Answers(BusUnavailable()), [EVENT, WRONG, EVENT])
    assert [outcome.status for outcome in outcomes] == [503, 400, 503]
    assert "harmless" in (outcomes[0].detail or "")


async def test_nothing_is_sent_when_nothing_is_accepted() -> None:
    assert await deliver(Answers(BusUnavailable()), [WRONG]) == [WRONG]
