"""Run a WSGI application under Gunicorn on the sockets that systemd holds.

``python -m hub_runtime.serve hub_runtime.task_api.wsgi:app``

Two releases of a service may run at once. Both are given the same listening socket, named ``shared``, and each
one of its own, named ``probe``. A release accepts on the shared socket only while ``$HUB_ROOT/current`` points
at it (``releases/$HUB_RELEASE``); SIGHUP makes it look again. What waits in the shared socket is never lost:
the manager keeps it open and whoever accepts next answers it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from http import HTTPStatus
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.util import import_app, write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from . import systemd
from .current import SHARED, is_current, release

MEMORY = "/dev/shm"  # noqa: S108
"""For the workers' heartbeat files: on a disk they could stall."""
REFUSALS = {
    errors.LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long"),
    errors.LimitRequestHeaders: (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large"),
    errors.ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "what the request expects is not there"),
    errors.UnsupportedTransferCoding: (HTTPStatus.NOT_IMPLEMENTED, "the transfer coding is not there"),
    errors.ParseException: (HTTPStatus.BAD_REQUEST, "the request is not valid HTTP"),
}
"""What is said of requests that no application gets to see: the first that fits."""


class Application(BaseApplication):  # type: ignore[misc]
    """A WSGI application and the settings its server runs with."""

    def __init__(self, uri: str, options: dict[str, Any]) -> None:
        self._uri = uri
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings to Gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Import the application."""
        return import_app(self._uri)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's threads, which say in JSON, as the services do, what is wrong with a request."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Take nothing more; an application with answers that last has a method `ending`, and is told."""
        super().handle_exit(sig, frame)
        getattr(self.wsgi, "ending", bool)()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Refuse a request that cannot be read."""
        refusal = next((said for kind, said in REFUSALS.items() if isinstance(exc, kind)), None)
        if refusal is None:
            self.log.exception("The request failed")
        else:
            self.log.warning("Refused: %s", exc)
        status, message = refusal or (HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed")
        body = json.dumps({"status": "Error", "message": message})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: application/json"
        )
        with contextlib.suppress(OSError):
            write_nonblock(client, f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


class SharingArbiter(Arbiter):  # type: ignore[misc]
    """Gunicorn's master, which keeps every socket it was given but lets workers accept on some."""

    def __init__(self, app: Application) -> None:
        # Gunicorn would report readiness before the right sockets are chosen.
        self._manager = os.environ.pop("NOTIFY_SOCKET", None)
        self._names = systemd.listen_names()
        self._held: list[Any] = []
        super().__init__(app)

    def start(self) -> None:
        """Take the sockets over; called once, before the first worker is forked."""
        super().start()
        self._held = list(self.LISTENERS)
        self._choose()
        self._notify("READY=1")

    def reload(self) -> None:
        """Look which release is current, then replace the workers one generation by the next."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._choose()
        super().reload()
        self._notify("READY=1")

    def stop(self, graceful: bool = True) -> None:
        """Close every socket held, used or not, and let workers end what they are answering."""
        self._notify("STOPPING=1")
        self.LISTENERS = self._held
        super().stop(graceful)

    def _choose(self) -> None:
        current = is_current(os.environ.get("HUB_ROOT"), release())
        names = self._names or [SHARED] * len(self._held)
        self.LISTENERS = [
            listener for listener, name in zip(self._held, names, strict=True) if current or name != SHARED
        ]
        self.log.info(
            "Accepting on: %s", ", ".join(str(listener) for listener in self.LISTENERS) or "nothing"
        )

    def _notify(self, state: str) -> None:
        accepting = f"accepting on {len(self.LISTENERS)} of {len(self._held)} sockets"
        systemd.notify(f"{state}\nSTATUS={accepting}", self._manager or "")


def options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Gunicorn settings: threads for many slow clients, nothing written outside memory."""
    chosen = {
        "workers": arguments.workers,
        "threads": arguments.threads,
        "worker_class": Worker,
        "preload_app": True,
        "timeout": arguments.timeout,
        "graceful_timeout": arguments.graceful_timeout,
        "keepalive": 75,
        "accesslog": None,
        "errorlog": "-",
        "control_socket_disable": True,
        "proc_name": arguments.app,
    }
    if os.access(MEMORY, os.W_OK):
        chosen["worker_tmp_dir"] = MEMORY
    if arguments.bind:
        chosen["bind"] = arguments.bind
    return chosen


def main(argv: list[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="hub_runtime.serve", description="Serve a WSGI application.")
    parser.add_argument("app", help="module:callable")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--timeout", type=int, default=60, help="seconds until a stuck worker is replaced")
    parser.add_argument("--graceful-timeout", type=int, default=30, help="seconds for answers under way")
    parser.add_argument("--bind", help="address to listen on where systemd passes no socket")
    arguments = parser.parse_args(argv)
    SharingArbiter(Application(arguments.app, options(arguments))).run()


if __name__ == "__main__":
    main()
