"""What runs in each kernel before the notebook does; its text is sent there. Only what Python itself has."""

from __future__ import annotations

import contextvars
import http.client
import json
import os
import pathlib
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

REQUEST = "REQUEST"
_SERVER_ONLY = ("NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "HUB_SETTINGS")


def install(shell: Any) -> None:
    """Prepare a kernel: secrets become variables of its surroundings, and each request finds REQUEST anew."""
    for name in _SERVER_ONLY:
        os.environ.pop(name, None)
    _take_credentials()
    # Nothing printed is lost, however fast: the server reads all of it, and ends what prints too much.
    outputs = shell.kernel.iopub_thread
    outputs.schedule(lambda: setattr(outputs.socket, "sndhwm", 0))

    def begin() -> None:
        request = shell.kernel.get_parent("shell")["metadata"].get(REQUEST)
        if request is not None:
            # What the last request left: an exception keeps all that its functions knew.
            for name in ("last_type", "last_value", "last_traceback", "last_exc"):
                vars(sys).pop(name, None)
            shell.user_ns[REQUEST] = request

    shell.events.register("pre_execute", begin)
    _follow_threads()


def _follow_threads() -> None:
    """Let threads belong to the request that started them, so that what they print is in no later one's answer."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_in_context(thread: threading.Thread) -> None:
        context, run = contextvars.copy_context(), thread.run
        vars(thread)["run"] = lambda: context.run(run)
        start(thread)

    def submit_in_context(pool: ThreadPoolExecutor, work: Any, /, *args: Any, **options: Any) -> Any:
        return submit(pool, contextvars.copy_context().run, work, *args, **options)

    threading.Thread.start = start_in_context  # type: ignore[assignment,method-assign]
    ThreadPoolExecutor.submit = submit_in_context  # type: ignore[assignment,method-assign]


def _take_credentials() -> None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    for path in pathlib.Path(folder).iterdir() if folder else ():
        os.environ.setdefault(path.name, path.read_text().rstrip("\n"))


def asking(address: str, token: str) -> Callable[..., tuple[int, Any]]:
    """Return what cells tagged `test` know as `ask`."""

    def ask(
        method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a request to the notebook's API; return the status and the answer, which is text unless it is JSON."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(address)
        try:
            data = None if body is None else json.dumps(body)
            common = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
            connection.request(method, path, data, {**common, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return answer.status, json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text

    return ask
