"""Where secrets are: in the file beside the inventory, and on nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.inventory.load import load
from provision.secrets.store import SecretStore
from tests.support.fleet import Fleet


def generations(fleet: Fleet, name: str = "tunnel/dti") -> dict[int, tuple[str, str]]:
    """Return a secret's generations: number → status and value."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBCTL_CONFIG_DIR", fleet.environment["HUBCTL_CONFIG_DIR"])
        document = SecretStore(load(fleet.inventory), fleet.inventory).read()
    return {
        item.number: (item.status, item.value.reveal() if item.value else "")
        for item in document.generations(name)
    }


def current_key(fleet: Fleet, name: str = "tunnel/dti") -> str:
    """Return the value in use."""
    (value,) = (value for status, value in generations(fleet, name).values() if status == "current")
    return value


# Patterns come on stdin. A file that did not change since the machine got its host key is older than any secret.
_SEARCH = """
cat > /dev/shm/hubctl-patterns
find / \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type f {which} -print0 |
    LC_ALL=C xargs -0 -r grep -lsF -f /dev/shm/hubctl-patterns
rm /dev/shm/hubctl-patterns
"""


def files_with(fleet: Fleet, node: str, text: str, *, whole_disk: bool = False) -> set[str]:
    """Return the files of a node, on disk or in memory, that hold a text, or one of the lines of it.

    Those that never changed on this machine are not looked at, unless the whole disk is wanted.
    """
    which = "" if whole_disk else "-cnewer /etc/ssh/ssh_host_ed25519_key"
    return set(fleet.shell(node, _SEARCH.format(which=which), stdin=text, check=False).splitlines())


def said_by(fleet: Fleet, node: str) -> str:
    """Return all that a node's journal, process list and environments show."""
    shown = "journalctl --no-pager -o cat; ps -eo args; cat /proc/*/environ | tr '\\0' ' '"
    return fleet.ssh(node, "sh", "-c", shown)


def logs_in(fleet: Fleet, node: str, key: Path) -> bool:
    """Whether a private key opens the node."""
    return fleet.ssh_with(key, node, "true").returncode == 0
