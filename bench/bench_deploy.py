"""`make bench`: how long deploys take, hubctl beside pyinfra, Ansible, OpenSSH and a shell script.

Whole processes are timed, on real machines of a local cloud that is made for this and removed at the end. Needs root
on Linux, as local nodes do. `--only` picks parts; docs/reference/performance.md says how it is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from bench.deploy import by_hand, plan, report
from bench.deploy.fleet import ROOT, Cloud, Line, local_cloud
from bench.deploy.measure import Cost, Series, timed
from bench.deploy.tools import Ansible, Hubctl, Job, Pyinfra, Tool

RTT = 50
FLEETS = (1, 4, 16, 40)
PARTS = ("help", "ssh", "hubctl", "pyinfra", "ansible", "fleet", "first")
RESULTS = ROOT / "bench" / "results"
MAIN = "apis"

Turn = tuple[Series, Callable[[], Cost]]
"""Something to measure, and how it is done once."""


class Bench:
    """One run of the benchmark; its series grow as it goes on."""

    def __init__(self, cloud: Cloud, options: argparse.Namespace) -> None:
        self.cloud = cloud
        self.parts: Sequence[str] = options.only
        self.repeats: int = options.repeats
        self.slow_repeats: int = options.slow_repeats
        self.series: list[Series] = []
        self.hubctl = Hubctl(cloud)
        self._revision = 0

    def run(self) -> None:
        """Measure all parts that were asked for."""
        if "help" in self.parts:
            argv = [sys.executable, "-m", "provision", "--help"]
            once = partial(timed, argv, env=self.cloud.environment, cwd=ROOT)
            self.measure(self.repeats, (Series("--help", "hubctl", 0), once))
        if "first" in self.parts:
            self.first_deploys()
        if "fleet" in self.parts:
            self.on_fleets()
        if set(self.parts) & {"ssh", "hubctl", "pyinfra", "ansible"}:
            with self.cloud.machines([MAIN], served=True), self.cloud.far(RTT) as far:
                self.on_one_node((self.cloud.near, far))

    def measure(self, repeats: int, *turns: Turn) -> None:
        """Measure things by turns, so that what else the computer does meets all of them alike."""
        self.series += [series for series, _ in turns]
        for _ in range(repeats):
            for series, once in turns:
                series.add(once())
        for series, _ in turns:
            nodes = f"{series.nodes} node{'s' * (series.nodes > 1)}"
            say(f"{series.tool}: {series.what}, {nodes}, {series.rtt} ms: {series.median:.3g} s")

    def on_one_node(self, lines: tuple[Line, ...]) -> None:
        """Measure no-op and one-file deploys of the whole plan by every tool."""
        self.hubctl.run(self.cloud.near, MAIN, plan="whole", revision="0", changes=None)
        state = plan.resources(self.cloud.near.inventory, MAIN, "whole")
        say(f"{len(state)} resources, {len(plan.leaves(state))} with groups of files taken apart")
        for line in lines:
            self.quick(line)
            for tool, repeats in self.others(line):
                once = partial(self.deploy, tool, line, False)
                self.measure(repeats, (Series("no-op", tool.name, line.rtt), once))

    def quick(self, line: Line) -> None:
        """Measure OpenSSH and hubctl by turns."""
        turns: list[Turn] = []
        if "ssh" in self.parts:
            login = partial(timed, [*self.cloud.ssh(line, MAIN), "true"])
            turns.append((Series("true", "ssh", line.rtt), login))
        if "hubctl" in self.parts:
            for what, change in (("no-op", False), ("one file", True)):
                once = partial(self.deploy, self.hubctl, line, change)
                turns.append((Series(what, self.hubctl.name, line.rtt), once))
        self.measure(self.repeats, *turns)

    def deploy(self, tool: Tool, line: Line, change: bool) -> Cost:
        """Deploy the state as it is, or with one file changed; return what it took."""
        self._revision += change
        revision = str(self._revision)
        state = plan.resources(self.cloud.near.inventory, MAIN, "whole", revision)
        path = self.cloud.folder / "state.json"
        path.write_text(json.dumps(plan.for_others(state)))
        return tool.deploy(Job(line, MAIN, path, revision, int(change)))

    def others(self, line: Line) -> Iterator[tuple[Tool, int]]:
        """Yield the tools asked for, with how often they are run: once where that takes minutes."""
        repeats = 1 if line.rtt else self.slow_repeats
        if "pyinfra" in self.parts:
            yield Pyinfra(self.cloud), repeats
        if "ansible" in self.parts:
            yield Ansible(self.cloud, pipelining=True), repeats
            if not line.rtt:
                yield Ansible(self.cloud, pipelining=False), 1

    def on_fleets(self) -> None:
        """Measure hubctl on several nodes at once, with a plan of files alone."""
        nodes = [f"n{number:02}" for number in range(max(FLEETS))]
        say(f"booting {len(nodes)} machines")
        with self.cloud.machines(nodes, served=False), self.cloud.far(RTT) as far:
            self.hubctl.run(self.cloud.near, *nodes, plan="files", changes=None)
            for line in (self.cloud.near, far):
                once = partial(self.hubctl.run, line, plan="files")
                turns = [
                    (Series("files, no-op", "hubctl", line.rtt, count), partial(once, *nodes[:count]))
                    for count in FLEETS
                ]
                self.measure(self.repeats, *turns)

    def first_deploys(self) -> None:
        """Measure first deploys of fresh nodes, hubctl and the script by turns: caches on the way serve both."""
        first, by_script = Series("first", "hubctl", 0), Series("first", "shell script", 0)
        self.series += [first, by_script]
        for number in range(self.slow_repeats):
            turns = [(self.first_deploy, first), (self.first_by_hand, by_script)]
            for turn, series in turns if number % 2 else reversed(turns):
                with self.cloud.machines(["fresh"], served=True):
                    series.add(turn("fresh"))
                say(f"{series.tool}: first deploy: {series.seconds[-1]:.3g} s")

    def first_deploy(self, node: str) -> Cost:
        """Deploy a fresh node by hubctl."""
        return self.hubctl.run(self.cloud.near, node, plan="own", changes=None)

    def first_by_hand(self, node: str) -> Cost:
        """Bring a fresh node to the same state by a shell script."""
        text = by_hand.script(plan.resources(self.cloud.near.inventory, node, "own"), plan.bundle())
        return timed([*self.cloud.ssh(self.cloud.near, node), "sh", "-s"], stdin=text)


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def conclude(measured: Sequence[Series]) -> bool:
    """Print what was measured and write it as JSON; return whether all bounds were kept."""
    series = [each for each in measured if each.seconds]
    found = report.bounds(series, (0, RTT))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"deploy-{time.strftime('%Y%m%dT%H%M%S')}.json"
    document = {
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "series": [each.as_dict() for each in series],
        "bounds": [bound.as_dict() for bound in found],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\n{report.table(series)}\n\n{report.bound_table(found)}\n\nwritten to {path}", flush=True)
    return all(bound.kept for bound in found)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Run the benchmark; return 1 when a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure; all by default"
    )
    parser.add_argument("--repeats", type=int, default=7, help="runs of what is quick")
    parser.add_argument("--slow-repeats", type=int, default=2, help="runs of what is slow")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="hubctl-bench-") as folder, local_cloud(Path(folder)) as cloud:
        os.environ.update(cloud.environment)  # plans name the cloud's own ACME directory
        bench = Bench(cloud, options)
        try:
            bench.run()
        finally:
            kept = conclude(bench.series)  # also after an interrupt
    return 0 if kept else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
