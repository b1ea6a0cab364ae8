"""The toy service's worker in a process of its own: `python -m shared.tests.bus_core.worker DATABASE BUS`."""

from __future__ import annotations

import asyncio
import signal
import sys

from shared.tests.bus_core.toy import SERVICE

from holdfast.bus.connect import connect
from holdfast.bus.relay import Relay
from holdfast.bus.runner import Runner
from holdfast.database.pool import create_pool
from holdfast.platform import logging
from holdfast.platform.settings import BusSettings


async def main(database: str, bus: str) -> None:
    logging.configure(style="console")
    stop, consumed = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    transport = connect(BusSettings.model_validate_json(bus))
    producer = transport.producer()
    async with await create_pool(database, application_name="toy-worker") as pool:
        await producer.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Relay(SERVICE.name, SERVICE.source, pool, producer).run(consumed))
            await Runner(SERVICE, pool, transport).run(stop)
            consumed.set()
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
