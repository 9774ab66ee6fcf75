"""notebook_api and Kernel Gateway, each serving the same notebook from so many kernels."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .load import Connect

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CLASSROOM = ROOT / "runtime/hub_runtime/notebook_api/notebooks/classroom.ipynb"
_PATIENCE = 120.0


def notebook(folder: Path) -> Path:
    """Write the bundled notebook without what only one of both knows: limits of requests, and tests."""
    found = json.loads(CLASSROOM.read_text())
    found["cells"] = [cell for cell in found["cells"] if "test" not in cell["metadata"].get("tags", ())]
    for cell in found["cells"]:
        cell["source"] = [line for line in cell["source"] if not line.startswith("# @rate")]
    path = folder / "classroom_open.ipynb"
    path.write_text(json.dumps(found))
    return path


@contextmanager
def ours(folder: Path, kernels: int) -> Iterator[tuple[Connect, int]]:
    """Run notebook_api; yield how it is reached, and its process."""
    address, settings = folder / "api.sock", folder / "settings.json"
    given = {"notebook": str(notebook(folder)), "folder": str(folder), "kernels": kernels}
    settings.write_text(json.dumps(given))
    argv = [sys.executable, "-m", "hub_runtime.notebook_api.web", "--bind", str(address)]
    with _running(argv, folder, {"HUB_SETTINGS": str(settings)}) as process:
        yield _ready(lambda: asyncio.open_unix_connection(address)), process.pid


@contextmanager
def kernel_gateway(folder: Path, kernels: int) -> Iterator[tuple[Connect, int]]:
    """Run Kernel Gateway from an environment of its own; yield how it is reached, and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "KernelGatewayApp.api": "kernel_gateway.notebook_http",
        "KernelGatewayApp.seed_uri": str(notebook(folder)),
        "KernelGatewayApp.prespawn_count": kernels,
        "KernelGatewayApp.ip": "127.0.0.1",
        "KernelGatewayApp.port": port,
    }
    argv = [
        _environment() / "bin" / "jupyter-kernelgateway",
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    with _running([str(word) for word in argv], folder, {}) as process:
        yield _ready(lambda: asyncio.open_connection("127.0.0.1", port)), process.pid


def _environment() -> Path:
    folder, lock = ROOT / ".cache" / "kernel_gateway", HERE / "kernel_gateway.lock"
    done = folder / "lock"
    if not done.exists() or done.read_text() != lock.read_text():
        venv.create(folder, with_pip=True, clear=True)
        install = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "-r",
            lock,
        ]
        subprocess.run(install, check=True)
        done.write_text(lock.read_text())
    return folder


@contextmanager
def _running(argv: list[str], folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _ready(connect: Connect) -> Connect:
    """Wait until somebody listens."""

    async def wait() -> None:
        until = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            with suppress(OSError):
                _, writer = await connect()
                writer.close()
                return
            if asyncio.get_running_loop().time() > until:
                sys.exit(f"the server does not listen within {_PATIENCE:.0f} s")
            await asyncio.sleep(0.2)

    asyncio.run(wait())
    return connect


def kernels_of(pid: int) -> list[int]:
    """Return the kernels of a server."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"ipykernel" in Path(f"/proc/{child}/cmdline").read_bytes()]
