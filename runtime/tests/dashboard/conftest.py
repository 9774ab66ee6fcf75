"""A real JupyterHub without a proxy, and the dashboard beside it as it runs on a node."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from runtime.tests.conftest import wait_until
from tests.support.listening import end
from tests.support.ports import free_port

PREFIX = "/services/dashboard"
SETUP = "setup-token-of-the-tests"
SERVICE = "service-token-of-the-tests"
CONFIG = """
from jupyterhub.proxy import Proxy

class Nothing(Proxy):
    should_start = False
    async def add_route(self, *_): ...
    async def delete_route(self, *_): ...
    async def get_all_routes(self): return {}
    async def check_routes(self, *_, **__): ...

c = get_config()
c.JupyterHub.proxy_class = Nothing
c.JupyterHub.hub_bind_url = "http://127.0.0.1:%(port)d/hub/"
c.JupyterHub.bind_url = "http://127.0.0.1:%(port)d/"
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "open sesame"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"ada"}
c.JupyterHub.custom_scopes = {"custom:dashboard:view": {"description": "sees everybody's notebooks"}}
c.JupyterHub.services = [
    {"name": "setup", "api_token": "%(setup)s"},
    {
        "name": "dashboard",
        "api_token": "%(service)s",
        "oauth_redirect_uri": "/services/dashboard/oauth_callback",
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": ["access:services!service=dashboard", "custom:dashboard:view"],
    },
]
c.JupyterHub.load_roles = [
    {"name": "admin", "services": ["setup"]},
    {"name": "user", "scopes": ["self", "access:services!service=dashboard"]},
    {"name": "trainer", "scopes": ["custom:dashboard:view"], "users": ["tess"]},
]
"""


def notebook(*sources: str) -> dict[str, Any]:
    """A notebook with such cells."""
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": source,
            "execution_count": 1,
            "outputs": [],
        }
        for number, source in enumerate(sources)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


class Hub:
    """JupyterHub, and its users' tokens."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/hub/api"
        self._tokens: dict[str, str] = {}
        values = {"port": self.port, "setup": SETUP, "service": SERVICE}
        (folder / "jupyterhub_config.py").write_text(CONFIG % values)
        with (folder / "hub.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"], cwd=folder, stdout=log, stderr=log
            )
        wait_until(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(self.api, timeout=5).ok
        return False

    def token(self, user: str) -> str:
        """A token with all that the user may do."""
        if user not in self._tokens:
            self.call("POST", f"/users/{user}")
            self._tokens[user] = self.new_token(user)
        return self._tokens[user]

    def new_token(self, user: str, **about: Any) -> str:
        return str(self.call("POST", f"/users/{user}/tokens", about).json()["token"])

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"token {SETUP}"}
        return requests.request(method, self.api + path, json=body, headers=headers, timeout=30)


class Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("hub.example", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """The dashboard's processes over one store, with homes in the same folder."""

    def __init__(self, folder: Path, hub: Hub, **settings: Any) -> None:
        self.folder, self.hub = folder, hub
        self.homes = folder / "homes"
        self.homes.mkdir()
        self.socket = folder / "web.sock"
        self.database = folder / "dashboard.sqlite"
        about = {
            "database": str(self.database),
            "token": SERVICE,
            "hub_api": hub.api,
            "homes": str(self.homes),
        }
        (folder / "settings.json").write_text(json.dumps({**about, "secure": False, **settings}))
        self.env = {**os.environ, "HUB_SETTINGS": str(folder / "settings.json")}
        self.running: list[subprocess.Popen[bytes]] = []

    def start_web(self) -> subprocess.Popen[bytes]:
        self.socket.unlink(missing_ok=True)
        web = self._start("web", "--bind", f"unix:{self.socket}", "--graceful-timeout", "20")
        wait_until(self._answers)
        return web

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker")

    def _start(self, module: str, *options: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", f"hub_runtime.dashboard.{module}", *options]
        with (self.folder / f"{module}.log").open("ab") as log:
            process = subprocess.Popen(argv, cwd=self.folder, env=self.env, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/health", None, prefix="").status == 200
        return False

    def open(
        self,
        method: str,
        path: str,
        user: str | None,
        body: Any = None,
        *,
        prefix: str = PREFIX,
        **headers: str,
    ) -> http.client.HTTPResponse:
        """Ask, and return the answer unread."""
        connection = Unix(self.socket)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            sent["Authorization"] = f"token {self.hub.token(user)}"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if body is not None and not isinstance(body, bytes):
            sent["Content-Type"] = "application/json"
        connection.request(method, prefix + path, data, sent)
        return connection.getresponse()

    def ask(self, method: str, path: str, user: str | None, body: Any = None, **more: Any) -> Answer:
        with self.open(method, path, user, body, **more) as response:
            return Answer(response)

    def post(self, user: str, filename: str = "day1.ipynb", **more: Any) -> Answer:
        return self.ask("POST", "/events", user, event(user, filename, **more))

    def write(self, user: str, filename: str, content: Any) -> None:
        path = self.homes / user / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    def save(self, user: str, filename: str, content: Any) -> None:
        """Write a notebook, and tell of it."""
        self.write(user, filename, content)
        assert self.post(user, filename).status == 201

    def end(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(30)


def event(user: str, filename: str = "day1.ipynb", **more: Any) -> dict[str, Any]:
    about = {"type": "save-notebook", "user": user, "filename": filename}
    return {**about, "path": f"/home/{user}/{filename}", **more}


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """One hub for all tests of a process."""
    path = Path(tempfile.mkdtemp(prefix="hub-"))
    running = Hub(path)
    yield running
    running.process.terminate()
    running.process.wait(30)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_dashboard(folder: Path, hub: Hub) -> Iterator[Callable[..., Service]]:
    """Starts a dashboard with the settings given."""
    services: list[Service] = []

    def make(worker: bool = False, **settings: Any) -> Service:
        service = Service(folder, hub, **settings)
        services.append(service)
        service.start_web()
        if worker:
            service.start_worker()
        return service

    yield make
    for service in services:
        service.end()


@pytest.fixture
def dashboard(make_dashboard: Callable[..., Service]) -> Service:
    """A dashboard without its worker."""
    return make_dashboard()


class Front:
    """The web server's part: what comes to a port of this computer goes to the dashboard's socket."""

    def __init__(self, target: Path) -> None:
        self._target = str(target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}{PREFIX}/events"
        self._taking = threading.Thread(target=self._accept, daemon=True)
        self._taking.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as service:
            service.connect(self._target)
            threading.Thread(target=_pump, args=(client, service), daemon=True).start()
            _pump(service, client)

    def close(self) -> None:
        end(self._listener, self._taking)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@pytest.fixture
def make_front() -> Iterator[Callable[[Service], Front]]:
    """Opens a port that leads to a dashboard."""
    with contextlib.ExitStack() as running:
        yield lambda service: running.enter_context(contextlib.closing(Front(service.socket)))


@pytest.fixture
def front(dashboard: Service, make_front: Callable[[Service], Front]) -> Front:
    """A port that leads to the dashboard."""
    return make_front(dashboard)
