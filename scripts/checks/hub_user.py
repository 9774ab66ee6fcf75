"""A user of a hub, who logs in, has a server, and runs cells in kernels."""

from __future__ import annotations

import json
import socket
import ssl
import time
import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from websockets.sync.client import connect

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 120


class Place(Protocol):
    """Where a hub answers: its full name, the node's address, and the authority's root certificates."""

    @property
    def host(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def roots(self) -> Path: ...


class User:
    """A user with a session of a browser's kind."""

    def __init__(self, site: Place, name: str, password: str) -> None:
        self.site, self.name, self.password = site, name, password
        self.session = requests.Session()
        self.session.trust_env = False  # the surroundings may name other roots
        self.session.verify = str(site.roots)
        self.session.headers["Host"] = site.host
        self.session.mount("https://", _At(site))

    def ask(self, method: str, path: str, **request: Any) -> requests.Response:
        """Send a request; redirects are followed."""
        return self.session.request(method, f"https://{self.site.host}{path}", timeout=_SECONDS, **request)

    def log_in(self) -> requests.Response:
        """Log in in a browser that was never there before."""
        self.session.cookies.clear()
        return self.log_in_again()

    def log_in_again(self) -> requests.Response:
        """Fill the login form in, as its page says."""
        self.ask("GET", "/hub/login")
        form = {
            "username": self.name,
            "password": self.password,
            "_xsrf": self.session.cookies.get("_xsrf", ""),
        }
        return self.ask("POST", "/hub/login", data=form, params={"next": "/hub/home"})

    @cached_property
    def token(self) -> str:
        """A token for the hub's API and the server's, as the page /hub/token makes one."""
        headers = {"X-XSRFToken": self.session.cookies["_xsrf"]}
        return str(self._made(f"/hub/api/users/{self.name}/tokens", headers, {"note": "tests"})["token"])

    @property
    def headers(self) -> dict[str, str]:
        """What a request has that the token stands for."""
        return {"Authorization": f"token {self.token}"}

    def _made(self, path: str, headers: dict[str, str], body: object = None) -> dict[str, Any]:
        answer = self.ask("POST", path, headers=headers, json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def serves(self) -> bool:
        """Whether the server is ready, as the hub says."""
        answer = self.ask("GET", f"/hub/api/users/{self.name}", headers=self.headers)
        assert answer.ok, answer.text
        return bool(answer.json()["servers"].get("", {}).get("ready"))

    def start(self) -> None:
        """Start the server, and wait until it is ready."""
        if not self.serves():
            answer = self.ask("POST", f"/hub/api/users/{self.name}/server", headers=self.headers)
            assert answer.status_code in (201, 202), answer.text
        self._until(serves=True)

    def stop(self) -> None:
        """Stop the server, and wait until it is gone."""
        self.ask("DELETE", f"/hub/api/users/{self.name}/server", headers=self.headers)
        self._until(serves=False)

    def _until(self, *, serves: bool) -> None:
        deadline = time.monotonic() + _SECONDS
        while self.serves() != serves:
            assert time.monotonic() < deadline, f"the server of {self.name} takes more than {_SECONDS} s"
            time.sleep(0.2)

    def at_server(self, method: str, path: str, body: object = None) -> requests.Response:
        """Ask the user's own server."""
        return self.ask(method, f"/user/{self.name}{path}", headers=self.headers, json=body)

    def kernel(self) -> str:
        """Start a kernel; return its id."""
        return str(self._made(f"/user/{self.name}/api/kernels", self.headers)["id"])

    def run(self, kernel: str, code: str) -> str:
        """Run a cell in a kernel; return the text of its result, or what it printed."""
        message = uuid.uuid4().hex
        with self._channels(kernel) as channels:
            channels.send(json.dumps(_execute(message, code)))
            said = ""
            for text in channels:
                answer = json.loads(text)
                if answer["parent_header"].get("msg_id") != message:
                    continue
                kind, content = answer["msg_type"], answer["content"]
                if kind == "execute_result":
                    said += content["data"]["text/plain"]
                elif kind in ("stream", "error"):
                    said += content.get("text") or content["ename"]
                elif kind == "status" and content["execution_state"] == "idle":
                    return said
        raise AssertionError(f"the kernel's connection was closed after {said!r}")

    def _channels(self, kernel: str) -> Any:
        # Jupyter Server answers the handshake when the kernel has started
        return connect(
            f"wss://{self.site.host}/user/{self.name}/api/kernels/{kernel}/channels",
            sock=socket.create_connection((self.site.address, 443), timeout=_SECONDS),
            ssl=ssl.create_default_context(cafile=str(self.site.roots)),
            additional_headers=self.headers,
            open_timeout=_SECONDS,
            ping_timeout=_SECONDS,
        )

    def save(self, path: str, *sources: str) -> None:
        """Save a notebook of such cells."""
        cells: list[dict[str, Any]] = [
            {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
            for source in sources
        ]
        content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        answer = self.at_server("PUT", f"/api/contents/{path}", {"type": "notebook", "content": content})
        assert answer.status_code in (200, 201), answer.text

    def cells(self, path: str) -> list[str]:
        """Return the sources of a notebook's cells."""
        answer = self.at_server("GET", f"/api/contents/{path}")
        assert answer.status_code == 200, answer.text
        return [cell["source"] for cell in answer.json()["content"]["cells"]]


class _At(HTTPAdapter):
    """Connections to a site's address, which is verified by its name."""

    def __init__(self, site: Place) -> None:
        self._site = site
        super().__init__()

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        name = {"server_hostname": self._site.host, "assert_hostname": self._site.host}
        return {**host, "host": self._site.address}, {**pool, **name}


def _execute(message: str, code: str) -> dict[str, Any]:
    """Return the message of Jupyter's protocol that runs code."""
    header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": message}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    return {
        "header": {**header, "version": "5.3", "date": "2026-01-01T00:00:00Z"},
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }
