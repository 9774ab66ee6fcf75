"""Everything that can be deleted or damaged of a node's plan, by the kind of resource.

A new service's resources are taken in by being in its plan; a new kind of resource needs its line in `_BY_KIND`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from provision.node.resources import (
    Absent,
    Certificate,
    CheckedFiles,
    Command,
    Directory,
    Environment,
    File,
    Firewall,
    Former,
    Group,
    HubUsers,
    Packages,
    PythonEnv,
    Release,
    Resource,
    Retired,
    SpipedEnds,
    Symlink,
    Tree,
    Unit,
    User,
    Withheld,
)
from provision.node.systemd import is_unit_file


@dataclass(frozen=True)
class Damage:
    """One way to damage one resource.

    Args:
        kind: what is done, in a few words; the same for all resources that it is done to.
        resource: id of the resource.
        script: the shell's line that does it on the node.
        to: the kind of resource, or of the part of one, that it is done to.
    """

    kind: str
    resource: str
    script: str
    to: str

    def __str__(self) -> str:
        """Name it."""
        return f"{self.kind}: {self.resource}"

    @property
    def survives_a_boot(self) -> bool:
        """Whether the damage is still there after a reboot."""
        return "until the next boot" not in self.kind


Ways = Mapping[str, str]
"""Shell lines by what they do."""


def damages(plan: Sequence[Resource]) -> list[Damage]:
    """Return all that can be damaged of a plan, and mended by a deploy."""
    return [
        Damage(kind, resource.id, script, to)
        for resource in plan
        for to, kind, script in _ways(resource)
        if script and (kind, resource.id) not in _LOCKS_OUT
    ]


def one_way_each(found: Sequence[Damage], chance: Random) -> list[Damage]:
    """Return one way of damage for each kind of resource, done to all of it."""
    kinds: dict[str, set[str]] = {}
    for damage in found:
        kinds.setdefault(damage.to, set()).add(damage.kind)
    picked = {to: chance.choice(sorted(ways)) for to, ways in kinds.items()}
    return [damage for damage in found if damage.kind == picked[damage.to]]


def rounds(
    plan: Sequence[Resource], found: Sequence[Damage], *, together: bool = False
) -> list[list[Damage]]:
    """Return damages of a plan in groups that one deploy mends: all of a kind at once.

    Of the groups of files that one program checks only one is damaged at a time: it refuses each for the others.

    Args:
        plan: the plan.
        found: the damages.
        together: damage at once all kinds of resources that nothing else of a plan stands on.
    """
    checks = [resource.check[0] for resource in plan if isinstance(resource, CheckedFiles)]
    checked = [resource.id for resource in plan if isinstance(resource, CheckedFiles)]
    turn = {name: checks[:number].count(checks[number]) for number, name in enumerate(checked)}
    groups: dict[tuple[str, int], list[Damage]] = {}
    for damage in found:
        place = turn.get(damage.resource, 0) if checks_refuse(damage) else 0
        kind = "apart" if together and damage.to in _APART else damage.kind
        groups.setdefault((kind, place), []).append(damage)
    return list(groups.values())


_APART = {each.__name__ for each in (Absent, Firewall, Former, Group, Retired, SpipedEnds)}
"""Kinds of resources that no other is made of or started by."""


def checks_refuse(damage: Damage) -> bool:
    """Whether a program that reads the damaged file may refuse all that it reads."""
    return damage.kind.startswith("file ") and damage.kind not in (
        "file of a wrong mode",
        "file of another owner",
    )


def _ways(resource: Resource) -> Iterator[tuple[str, str, str]]:
    parts = resource.files if isinstance(resource, CheckedFiles) else (resource,)
    for part in parts:
        for kind, script in _BY_KIND[type(part)](part).items():
            yield type(part).__name__, kind, script


def _file(file: File) -> Ways:
    path = shlex.quote(file.path)
    return {
        "file deleted": f"rm -f {path}",
        "file emptied": f": > {path}",
        "file damaged": f"head -c 999 /dev/urandom > {path}",
        "file of a wrong mode": f"chmod 0001 {path}",
        "file of another owner": f"chown 65534:65534 {path}",
        "file replaced by a folder": f"rm -rf {path}; mkdir {path}; touch {path}/x",
        "file replaced by a link": f"ln -sfT /dev/null {path}",
        # systemd itself waits for a pipe that is a unit's file, and answers nobody.
        "file replaced by a pipe": "" if is_unit_file(file.path) else f"rm -rf {path}; mkfifo {path}",
    }


def _directory(directory: Directory) -> Ways:
    path = shlex.quote(directory.path)
    return {
        "folder deleted": f"rm -rf {path}",
        "folder of a wrong mode": f"chmod 0001 {path}",
        "folder of another owner": f"chown 65534:65534 {path}",
        "folder replaced by a file": f"rm -rf {path}; touch {path}",
        "folder replaced by a link to nothing": f"rm -rf {path}; ln -s /nowhere {path}",
    }


def _symlink(link: Symlink) -> Ways:
    path = shlex.quote(link.path)
    return {
        "link deleted": f"rm -f {path}",
        "link to something else": f"ln -sfT /nowhere {path}",
        "file replaced by a folder": f"rm -f {path}; mkdir {path}",
    }


def _absent(absent: Absent) -> Ways:
    path = shlex.quote(absent.path)
    make = f"mkdir -p $(dirname {path}); "
    return {
        "file where none shall be": f"{make}touch {path}",
        "link where none shall be": f"{make}ln -sfT /nowhere {path}",
        "folder where none shall be": f"{make}mkdir {path}",
    }


def _unit(unit: Unit) -> Ways:
    if not unit.running:
        return {"unit that shall not run": f"systemctl enable --now {unit.name}"}
    name = shlex.quote(unit.name)
    # Its file in /etc is the plan's, and replaced by other damages; masking would replace it, too.
    fragment = f"$(systemctl show --property=FragmentPath --value {name})"
    own = f"echo {fragment} | grep -q ^/etc"
    return {
        "unit stopped": f"systemctl stop {name}",
        "unit disabled": f"systemctl disable --quiet {name}",
        "unit masked": f"{own} || systemctl mask --quiet --now {name}",
        "unit masked until the next boot": f"{own} || systemctl mask --quiet --runtime --now {name}",
        "unit killed": f"systemctl kill --signal=KILL {name} || true",
        "unit file emptied": f": > {fragment}; systemctl daemon-reload; systemctl stop {name} || true",
        "unit file deleted": f"rm -f {fragment}; systemctl daemon-reload; systemctl stop {name} || true",
    }


def _accounts(user: User) -> Ways:
    group_gone = f"sed -i '/^{user.name}:/d' /etc/group /etc/gshadow"
    user_gone = f"sed -i '/^{user.name}:/d' /etc/passwd /etc/shadow"
    return {
        "user gone": user_gone,
        "group gone": group_gone,
        "user and group gone": f"{user_gone}; {group_gone}",
        "user of another shell": f"sed -i 's#^\\({user.name}:.*\\):[^:]*$#\\1:/bin/sh#' /etc/passwd",
    }


def _group(group: Group) -> Ways:
    return {"group gone": f"sed -i '/^{group.name}:/d' /etc/group /etc/gshadow"}


def _hub_users(people: HubUsers) -> Ways:
    swapped = [
        *(f"gpasswd --delete {name} hub-admins" for name in people.admins),
        *(f"gpasswd --add {name} hub-admins" for name in people.users),
    ]
    return {"rights of users swapped": "; ".join(swapped)}


def _tree(tree: Tree) -> Ways:
    path = shlex.quote(tree.path)
    return {
        "folder's link deleted": f"rm -f {path}",
        "folder's files deleted": f"rm -rf {path}/*",
        "folder deleted": f"rm -rf $(readlink -f {path})",
    }


_ENGINES = ("python3", "ca-certificates", "openssl")


def _packages(packages: Packages) -> Ways:
    names = " ".join(name for name in packages.names if name not in _ENGINES)
    apt = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y"
    return {"packages removed": f"{apt} remove {names}", "packages purged": f"{apt} purge {names}"}


def _firewall(_: Firewall) -> Ways:
    return {
        "firewall reset": "ufw --force reset",
        "firewall off": "ufw --force disable",
        "firewall open": "ufw default allow incoming",
        "firewall with another port": "ufw allow 12345/tcp",
        "firewall's files deleted": "rm -f /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf",
        "firewall's files emptied": "for i in ufw/user.rules ufw/ufw.conf default/ufw; do : > /etc/$i; done",
    }


def _command(command: Command) -> Ways:
    if command.name == "metadata":
        return {"rule of the network removed until the next boot": "ip rule del priority 169"}
    return {
        "what a command made deleted": f"rm -rf {shlex.quote(command.creates)}" if command.creates else ""
    }


def _python_env(env: PythonEnv) -> Ways:
    path = shlex.quote(env.path)
    return {
        "environment's link deleted": f"rm -f {path}",
        "environment deleted": f"rm -rf $(readlink -f {path})",
        "environment's mark deleted": f"rm -rf {path}/.hubctl-complete",
        "environment replaced by a file": f"rm -f {path}; touch {path}",
        "environment replaced by a folder": f"rm -f {path}; mkdir {path}",
    }


def _release(release: Release) -> Ways:
    units = " ".join(release.served().units)
    home = f"/opt/hub/{release.service}"
    return {
        "release deleted": f"rm -rf {home}/releases/*",
        "release's environment deleted": f"rm -rf {home}/envs",
        "release's link deleted": f"rm -f {home}/current",
        "release's settings emptied": f": > {home}/current/settings.json",
        "release's code emptied": f"find {home}/current/hub_runtime -name '*.py' -exec truncate -s 0 {{}} +",
        "release stopped": f"systemctl stop {units}",
        "release disabled": f"systemctl disable --quiet {units}",
        "release's unit files deleted": f"cd /etc/systemd/system && rm -f {units}",
        "release's unit files emptied": f"cd /etc/systemd/system && for i in {units}; do : > $i; done",
    }


def _certificate(certificate: Certificate) -> Ways:
    root = "/etc/letsencrypt"
    live = f"{root}/live/{certificate.name}"
    return {
        "certificate deleted": f"rm -rf {live}",
        "certificate emptied": f": > {live}/fullchain.pem",
        "certificate's key deleted": f"rm -f $(readlink -f {live}/privkey.pem)",
        "all certificates and accounts deleted": f"rm -rf {root}/live {root}/archive {root}/renewal {root}/accounts",
    }


def _nothing(_: Resource) -> Ways:
    return {}


def _retired(retired: Retired) -> Ways:
    unit = f"/etc/systemd/system/{retired.service}@0123456789abcdef.service"
    text = "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"
    start = f"systemctl enable --now --quiet $(basename {unit})"
    return {"service that shall not be here": f"printf '{text}' > {unit}; {start}"}


def _former(former: Former) -> Ways:
    mark = shlex.quote(former.mark)
    return {"settings of a former program": f"mkdir -p $(dirname {mark}); : > {mark}"}


def _spiped_ends(_: SpipedEnds) -> Ways:
    unit = "/etc/systemd/system/spiped-stray-client@.service"
    return {"end of a tunnel that shall not be here": f"printf '[Service]\\nExecStart=/bin/true\\n' > {unit}"}


_BY_KIND: Mapping[type[Resource], Callable[[Any], Ways]] = {
    Absent: _absent,
    Certificate: _certificate,
    Command: _command,
    Directory: _directory,
    Environment: _nothing,
    File: _file,
    Firewall: _firewall,
    Former: _former,
    Group: _group,
    HubUsers: _hub_users,
    Packages: _packages,
    PythonEnv: _python_env,
    Release: _release,
    Retired: _retired,
    SpipedEnds: _spiped_ends,
    Symlink: _symlink,
    Tree: _tree,
    Unit: _unit,
    User: _accounts,
    Withheld: _nothing,
}

_SSH = (
    "stopped",
    "disabled",
    "masked",
    "masked until the next boot",
    "killed",
    "file emptied",
    "file deleted",
)
_LOCKS_OUT = {
    *(
        (f"folder {way}", "directory:/run/sshd")
        for way in ("deleted", "replaced by a file", "replaced by a link to nothing", "of another owner")
    ),
    *((f"unit {way}", "unit:ssh.service") for way in _SSH),
}
"""After these nobody can log in, hubctl neither."""
