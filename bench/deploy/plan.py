"""A node's desired state as plain data, for the tools that hubctl is compared with."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import provision.bundles
import provision.plan
from provision.actions.contexts import contexts
from provision.actions.fleet import LoadedFleet
from provision.inventory.load import load

from .hubctl import extend


def resources(inventory: Path, node: str, plan: str, revision: str = "0") -> list[dict[str, Any]]:
    """Return the resources that hubctl would send, in order.

    Args:
        inventory: path of the inventory.
        node: the node's name.
        plan: which plan, see `bench.deploy.hubctl`.
        revision: text of the file that changes.
    """
    loaded = LoadedFleet(load(inventory), inventory)
    extend(plan, revision)
    return provision.plan.plan(contexts(loaded, [node], make=False)[node]).as_list()


def bundle() -> bytes:
    """Return the packed runtime."""
    return provision.bundles.bundle("task_api").content


def leaves(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the resources with groups of checked files taken apart: each file counts."""
    return [leaf for item in found for leaf in item.get("files", [item])]


def for_others(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the same state for the other tools.

    Certificates, environments, releases, the firewall and commands become one shell test each (`kind: assertion`):
    less than hubctl looks at, to the others' advantage. What only mends a damaged node is left out.
    """
    kept = (leaf for leaf in leaves(found) if leaf["kind"] != "withheld")
    wanted = [leaf for leaf in kept if leaf["kind"] != "command" or leaf["unless"]]
    return [
        {"kind": "assertion", "test": _TESTS[leaf["kind"]](leaf)} if leaf["kind"] in _TESTS else leaf
        for leaf in wanted
    ]


_TESTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "certificate": lambda leaf: (
        f"openssl x509 -in /etc/letsencrypt/live/{leaf['name']}/fullchain.pem -noout -checkend 604800"
    ),
    "command": lambda leaf: shlex.join(leaf["unless"]),
    "firewall": lambda _: "ufw status | grep -q '^Status: active'",
    "python-env": lambda leaf: f"test -x {leaf['path']}/bin/python",
    "release": lambda leaf: f"test -e /opt/hub/{leaf['service']}/releases/{leaf['release']}/release.json",
}
