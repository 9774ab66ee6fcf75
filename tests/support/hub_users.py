"""hubctl's commands on a machine in a folder: command line and engine are the real ones, without SSH between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from provision.actions.job import Job
from provision.actions.listener import Listener
from provision.actions.outcome import Outcome
from provision.cli import app
from provision.errors import Exit, HubError
from provision.transport.events import read
from tests.support.node_engine import Machine

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  box: {size: s-1vcpu-2gb, image: debian-13-x64}
"""


class Desk:
    """An operator's desk with an inventory, and the machine that its node stands for."""

    def __init__(self, folder: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.machine = folder, machine
        self.cut: Callable[[dict[str, Any]], bool] = lambda _: False
        (folder / "lab.yml").write_text(INVENTORY)
        monkeypatch.setenv("HUBCTL_INVENTORY", str(folder / "lab.yml"))
        monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(folder / "config"))
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        monkeypatch.setattr(Job, "ask", lambda job, op, node, **fields: self._ask(job, op, node, fields))

    def _ask(self, job: Job, op: str, node: str, fields: Mapping[str, Any]) -> Outcome:
        outcome = Outcome(node)
        listener = Listener(op, outcome, job.output, None)
        blobs = {digest: give() for digest, give in (fields.get("blobs") or {}).items()}
        for event in self.machine.ask(op, **{**fields, "blobs": blobs}).events:
            if self.cut(event):
                outcome.error = HubError("connection-lost", "the line is cut", exit_code=Exit.UNREACHABLE)
                break
            for each in read([json.dumps(event).encode() + b"\n"]):
                listener(each)
        return outcome

    def users(self, *words: str, stdin: str = "") -> Result:
        """Run `hubctl users …` on the machine's node."""
        return self.hubctl("users", *words, stdin=stdin)

    def hubctl(self, group: str, verb: str, *words: str, stdin: str = "") -> Result:
        """Run a command of a group on the machine's node."""
        return CliRunner().invoke(app, [group, verb, "--node", "box", *words], input=stdin)
