"""How fast: notebook_api beside Kernel Gateway, the same notebook on as many kernels, in the same run.

Both take turns; figures are medians of their rounds. Then a kernel is killed under load, and all of them: how long
until as many serve again, and what of the requests failed. Usage: ``python -m bench.bench_notebook_api [--rounds N]
[--seconds S]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

from bench.notebook_api.load import Answers, Connect, measure
from bench.notebook_api.servers import kernel_gateway, kernels_of, ours

KERNELS, CLIENTS, BOUND = 4, 64, 1.5
BODY = json.dumps({"text": "x" * 200}).encode()
ASKED = {"GET /heartbeat": ("GET", "/heartbeat", b""), "POST /store": ("POST", "/store", BODY)}
RESULTS = Path(__file__).parent / "results"
Server = Callable[[Path, int], AbstractContextManager[tuple[Connect, int]]]
SERVERS: dict[str, Server] = {"notebook_api": ours, "Kernel Gateway": kernel_gateway}


def rounds(number: int, seconds: float) -> dict[str, dict[str, list[Answers]]]:
    """Return what each server answered, by what was asked."""
    found: dict[str, dict[str, list[Answers]]] = {name: {asked: [] for asked in ASKED} for name in SERVERS}
    for _ in range(number):
        for name, server in SERVERS.items():
            with (
                tempfile.TemporaryDirectory(prefix="hub-") as folder,
                server(Path(folder), KERNELS) as (connect, _),
            ):
                for asked, request in ASKED.items():
                    answers = asyncio.run(measure(connect, *request, clients=CLIENTS, seconds=seconds))
                    found[name][asked].append(answers)
    return found


async def _killed(connect: Connect, pid: int, number: int) -> tuple[Answers, float]:
    """Kill so many kernels under load; return the answers, and the seconds until as many serve again."""
    load = asyncio.ensure_future(measure(connect, *ASKED["GET /heartbeat"], clients=CLIENTS, seconds=15))
    await asyncio.sleep(2)
    for kernel in kernels_of(pid)[:number]:
        os.kill(kernel, signal.SIGKILL)
    began = time.perf_counter()
    while (await _health(connect)) != 200:
        await asyncio.sleep(0.1)
    return await load, time.perf_counter() - began


async def _health(connect: Connect) -> int:
    reader, writer = await connect()
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    status = int((await reader.read()).split()[1])
    writer.close()
    return status


def main() -> int:
    """Print the figures, write them to `bench/results/notebook_api.json`, and fail where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of load each time")
    arguments = parser.parse_args()
    write, missed, results = sys.stdout.write, 0, []
    write(f"load average {os.getloadavg()[0]:.1f}; {KERNELS} kernels, {CLIENTS} clients\n\n")
    write("| asked | server | requests a second | p50 | p99 | 5xx | ratio |\n|---|---|---|---|---|---|---|\n")
    found = rounds(arguments.rounds, arguments.seconds)
    for asked in ASKED:
        rates = {name: median(each.rate for each in found[name][asked]) for name in SERVERS}
        ratio = rates["notebook_api"] / rates["Kernel Gateway"]
        for name in SERVERS:
            p50, p99 = (median(each.quantile(part) for each in found[name][asked]) for part in (0.5, 0.99))
            failed = sum(
                count for each in found[name][asked] for code, count in each.statuses.items() if code >= 500
            )
            shown = f"{ratio:.1f}x" if name == "notebook_api" else ""
            write(
                f"| {asked} | {name} | {rates[name]:.0f} | {p50:.3f} s | {p99:.3f} s | {failed} | {shown} |\n"
            )
            results.append([asked, name, rates[name], p50, p99, failed])
            missed += name == "notebook_api" and (failed > 0 or ratio < BOUND)
    write("\n| killed | until all serve | 5xx |\n|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="hub-") as folder, ours(Path(folder), KERNELS) as (connect, pid):
        for number in (1, KERNELS):
            answers, seconds = asyncio.run(_killed(connect, pid, number))
            failed = sum(count for code, count in answers.statuses.items() if code >= 500)
            write(
                f"| {number} of {KERNELS} | {seconds:.1f} s | {failed} of {sum(answers.statuses.values())} |\n"
            )
            results.append([f"killed {number}", seconds, failed])
            missed += seconds > 10 or failed > 2 * number
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "notebook_api.json").write_text(json.dumps(results, indent=1))
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
