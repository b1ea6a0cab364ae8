"""A member of a group in a process of its own, to be killed: `python -m tests.bus.child SETTINGS GROUP TOPIC`.

A fourth argument is how many seconds a member of the embedded bus may show no life.
"""

from __future__ import annotations

import asyncio
import sys

from tests.bus.members import Member

from holdfast.bus.connect import connect
from holdfast.bus.postgres import PostgresTransport
from holdfast.platform.settings import BusSettings


async def main(settings: str, group: str, topic: str, session_seconds: str = "") -> None:
    bus = BusSettings.model_validate_json(settings)
    transport = PostgresTransport(str(bus.url), float(session_seconds)) if session_seconds else connect(bus)
    consumer = transport.consumer(group, "child")
    member = await Member(consumer, lambda _: 0).join(topic)
    known = 0
    while True:
        await asyncio.sleep(0.01)
        for kind, partitions in member.history[known:]:
            sys.stdout.write(f"{kind} {sorted(tp.partition for tp in partitions)}\n")
            sys.stdout.flush()
        known = len(member.history)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
