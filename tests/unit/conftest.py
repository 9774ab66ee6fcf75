"""What tests of rendered files share."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from provision.bundles import Bundle
from provision.inventory.load import load
from provision.node.resources import CheckedFiles, File
from provision.plan import plan
from provision.steps.context import Context
from tests.support.edge import Edge, backend, configured, configured_apache
from tests.support.network import open_ports
from tests.support.node_engine import Machine
from tests.support.programs import program
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
def origins() -> tuple[str, ...]:
    """Web origins whose pages may call the API of the node."""
    return ("*",)


@pytest.fixture
def webserver() -> str:
    """The web server of the node."""
    return "nginx"


@pytest.fixture
def node_files(origins: tuple[str, ...], webserver: str) -> dict[str, str]:
    """Texts by path, for the node of the demo."""
    return _files(origins, webserver)


@cache
def _files(origins: tuple[str, ...], webserver: str) -> dict[str, str]:
    fleet = load(ROOT / "inventories" / "demo.yml")
    node = fleet.nodes["apis"]
    task_api = replace(node.services.task_api, cors_origins=origins)  # type: ignore[type-var]
    return texts(
        Context(
            fleet,
            "apis",
            replace(node, webserver=webserver, services=replace(node.services, task_api=task_api)),
            "https://acme.test/dir",
            bundle,
        )
    )


def bundle(_: str) -> Bundle:
    """Stand for what is released of a service."""
    return Bundle("ab" * 32, "flask==3.1.3\n")


def texts(ctx: Context) -> dict[str, str]:
    """Return the texts of a node's files by path."""
    found = {}
    for resource in plan(ctx).resources:
        for file in resource.files if isinstance(resource, CheckedFiles) else (resource,):
            if isinstance(file, File):
                found[file.path] = file.content
    return found


@pytest.fixture
def running() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start programs that end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str | Path) -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen(list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine in a folder, for the engine; its path is short, as sockets' paths must be."""
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        yield Machine(Path(folder))


@pytest.fixture
def limits() -> dict[str, int]:
    """Other limits of the web server than the node's: requests a second, connections."""
    return {}


@pytest.fixture
def edge(
    node_files: dict[str, str],
    webserver: str,
    limits: dict[str, int],
    running: Callable[..., subprocess.Popen[bytes]],
) -> Iterator[Edge]:
    """The web server as on the node, before a service that notes what it is asked."""
    with tempfile.TemporaryDirectory(prefix="hub-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if webserver == "nginx":
            found = configured(folder, node_files, **limits)
            running(program("nginx"), "-c", folder / "nginx.conf", "-g", "daemon off;")
        else:
            found = configured_apache(folder, node_files)
            running(program("apache2"), "-f", folder / "apache2.conf", "-D", "FOREGROUND")
        yield from _asked(found)


def _asked(found: Edge) -> Iterator[Edge]:
    eventually(lambda: open_ports("127.0.0.1", found.https), pause=0.02)
    with backend(found):
        yield found
