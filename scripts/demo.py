"""`make demo`: local cloud, one node, a deploy, and the example task's answer over verified HTTPS.

`make demo-all` does it with every service, and ends with what each answers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from checks import task_api
from checks.site import Failed, Site

if TYPE_CHECKING:
    from provision.actions.fleet import LoadedFleet

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "inventories" / "demo.yml"
ALL = ROOT / "inventories" / "all.yml"


def main(*, everything: bool) -> int:
    """Run a demo; a second run finds everything in place."""
    if os.geteuid() != 0:
        return _as_root()
    subprocess.run([sys.executable, str(ROOT / "scripts" / "host_packages.py")], check=True)
    inventory = ALL if everything else DEMO
    for words in _commands(inventory, everything=everything):
        done = subprocess.run(
            [str(ROOT / ".venv/bin/hubctl"), *words, "--inventory", str(inventory)], check=False
        )
        if done.returncode != 0:
            return done.returncode
    try:
        return _show_all(_loaded(inventory)) if everything else _show(_loaded(inventory))
    except Failed as error:
        sys.exit(str(error))


def _as_root() -> int:
    if not shutil.which("sudo"):
        sys.exit("the local cloud makes machines, bridges and mounts: run it as root")
    print("the local cloud makes machines, bridges and mounts: asking sudo", flush=True)
    os.execvp("sudo", ["sudo", sys.executable, *sys.argv])


def _loaded(inventory: Path) -> LoadedFleet:
    from provision.actions.fleet import LoadedFleet
    from provision.inventory.load import load

    return LoadedFleet(load(inventory), inventory)


def _end(inventory: Path) -> str:
    """The line that takes it down, from the folder of the project."""
    return f"end it with: .venv/bin/hubctl local down --destroy --inventory inventories/{inventory.name}"


def _commands(inventory: Path, *, everything: bool) -> Iterator[list[str]]:
    """Yield what is run; tunnels need both ends made before either is deployed."""
    yield ["local", "up"]
    nodes = _loaded(inventory).fleet.nodes
    for node in nodes:
        yield ["create-node", node, *(["--no-deploy"] if everything else [])]
    if everything:
        yield ["deploy"]


def _hubctl(*words: str, stdin: str = "") -> str:
    """Run hubctl on the inventory of all services; return what it said."""
    command = [str(ROOT / ".venv/bin/hubctl"), *words, "--inventory", str(ALL)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"hubctl {' '.join(words)}: {done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Place:
    """A service of a node that has a site."""

    node: str
    service: str
    site: Site


def _places(loaded: LoadedFleet) -> list[Place]:
    from provision.cloud.connect import local_name
    from provision.cloud.local import lifecycle
    from provision.inventory.services import service

    roots = Path(lifecycle.find(local_name(loaded.fleet, loaded.path)).acme_roots)
    return [
        Place(node, name, Site(loaded.fleet.fqdn(shape.hostname), loaded.target(node).address, roots))
        for node, parts in loaded.fleet.nodes.items()
        for name, shape in parts.services.present().items()
        if isinstance(shape, service.WebService) and shape.hostname
    ]


def _show(loaded: LoadedFleet) -> int:
    from provision.output import Output

    output = Output.choose(json=False)
    (place,) = _places(loaded)
    site = place.site
    with output.step("asking for the example task"):
        answer = task_api.solve(site)
    output.result(json.dumps(task_api.TASK))
    output.result(json.dumps(answer))
    output.table(
        "demo",
        ["node", "address", "service", "URL", "certificate until"],
        [[place.node, site.address, place.service, site.url, site.expires()]],
    )
    output.result("try it by hand:")
    output.result(
        f"curl --resolve {site.host}:443:{site.address} --cacert {site.roots} "
        f"-H 'Content-Type: application/json' -d '{json.dumps(task_api.TASK)}' {site.url}task"
    )
    output.result(f"{_end(DEMO)}   (without --destroy the machine's disk stays)")
    return 0 if answer["status"] == "COMPLETE" and answer["entropy"] == 3 else 1


def _show_all(loaded: LoadedFleet) -> int:
    """Ask every service what its own check asks; one that fails does not hide the others."""
    from provision.output import Output

    output = Output.choose(json=False)
    rows, failed = [], 0
    for place in _places(loaded):
        module = import_module(f"checks.{place.service}")
        with output.step(f"asking {place.service} of {place.node}"):
            try:
                answer = module.check(place.site, _hubctl)
            except Failed as error:
                answer, failed = f"FAILED: {error}", failed + 1
        rows.append([place.node, place.service, place.site.url, module.QUESTION, answer])
    output.table("services", ["node", "service", "URL", "check", "answer"], rows)
    output.result(_end(ALL))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(everything="--all" in sys.argv[1:]))
