"""A fleet's site, asked over verified HTTPS."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from pathlib import Path

from tests.support.waiting import eventually

EXAMPLE = {
    "monomers": [["a", "b"], ["a*", "b*"], ["a*", ">mon1"], ["b*"]],
    "constraints": [["FREE", "mon1"]],
    "gen": 2,
    "init_k": 2,
}


class Site:
    """A site at a known address, verified against the local CA's roots."""

    def __init__(self, host: str, address: str, roots: Path) -> None:
        self.host, self.address, self.roots = host, address, roots
        self._context = ssl.create_default_context(cafile=str(roots))

    def connection(self, *, seconds: float = 30) -> http.client.HTTPSConnection:
        """Open a connection."""
        connection = http.client.HTTPSConnection(self.host, timeout=seconds)
        raw = socket.create_connection((self.address, 443), timeout=seconds)
        connection.sock = self._context.wrap_socket(raw, server_hostname=self.host)
        return connection

    def ask(self, method: str, path: str, body: object = None, *, seconds: float = 30) -> tuple[int, object]:
        """Send one request on a connection of its own; return status and decoded body."""
        status, answer = self.ask_raw(method, path, body, seconds=seconds)
        return status, json.loads(answer)

    def ask_raw(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        seconds: float = 30,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Do the same for any answer."""
        connection = self.connection(seconds=seconds)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def solve(self, task: object = None, *, seconds: float = 60) -> tuple[int, dict]:
        """Post a task and return its final status and answer."""
        status, accepted = self.ask("POST", "/task", EXAMPLE if task is None else task)
        assert status == 202, accepted
        return self.final(accepted["task_id"], seconds=seconds)

    def final(self, task_id: str, *, seconds: float = 60, whatever_is_down: bool = False) -> tuple[int, dict]:
        """Return a task's final status and answer; every question on the way must be answered, unless told."""

        def look() -> list[tuple[int, dict]]:
            try:
                status, answer = self.ask("GET", f"/status/{task_id}")
            except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
                if whatever_is_down:
                    return []
                raise RuntimeError(f"/status/{task_id} was not answered: {error!r}") from error
            later = (202, 203, 503) if whatever_is_down else (202, 203)
            return [] if status in later else [(status, answer)]

        (found,) = eventually(look, seconds=seconds, pause=0.2, what=f"the end of task {task_id}")
        return found
