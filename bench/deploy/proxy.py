"""A TCP proxy that delays: `python -m bench.deploy.proxy RTT_MS LISTEN=TARGET…`, addresses as host:port.

Every byte takes half the round trip each way, in order and without a limit of bandwidth. The proxy accepts at once,
so the time of the TCP handshake is added before the first byte: a client's own first bytes would have left one round
trip after its SYN and arrived half a one later.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                if sink.can_write_eof():
                    sink.write_eof()
                return
            sink.write(data)
            await sink.drain()

    delivery = asyncio.create_task(deliver())
    try:
        while True:
            data = await source.read(1 << 16)
            queue.put_nowait((loop.time() + delay, data))
            if not data:
                break
        await delivery
    except OSError:
        sink.transport.abort()
    finally:
        delivery.cancel()


async def _serve(listen: str, target: str, rtt: float) -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.5 * rtt)
        host, _, port = target.rpartition(":")
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pump(reader, far_writer, rtt / 2), _pump(far_reader, writer, rtt / 2))
            far_writer.close()
        writer.close()

    host, _, port = listen.rpartition(":")
    await asyncio.start_server(connection, host, int(port))


async def main(rtt: float, routes: list[str]) -> None:
    """Serve until killed; say `ready` when all addresses listen."""
    for route in routes:
        listen, _, target = route.partition("=")
        await _serve(listen, target, rtt)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(float(sys.argv[1]) / 1000, sys.argv[2:]))
