"""A shell script that brings a fresh node to the same service: the same packages, locks, files and certificate."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Callable, Iterator
from typing import Any

Item = dict[str, Any]

_HEAD = """\
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 UV_PYTHON_DOWNLOADS=never
apt-get update -qq
"""
_BUNDLE = "/root/runtime.tar"


def script(resources: list[Item], bundle: bytes) -> str:
    """Return the script.

    Args:
        resources: a node's plan, in hubctl's order, which is a right one by hand too.
        bundle: the packed runtime.
    """
    parts = [
        _HEAD,
        f"base64 -d >{_BUNDLE} <<'END_OF_BUNDLE'\n{base64.encodebytes(bundle).decode()}END_OF_BUNDLE\n",
    ]
    late = []
    for item in resources:
        parts += _WAYS[item["kind"]](item)
        if item["kind"] == "unit" and item["running"]:
            late.append(item["name"])
    parts += ["systemctl daemon-reload\n", *(f"systemctl is-active --quiet {name}\n" for name in late)]
    return "".join(parts)


def _packages(item: Item) -> Iterator[str]:
    yield f"apt-get install -qq -y --no-install-recommends {shlex.join(item['names'])} >/dev/null\n"


def _firewall(item: Item) -> Iterator[str]:
    yield "ufw default deny incoming >/dev/null\n"
    for rule in item["rules"]:
        yield f"ufw allow {rule['port']}/{rule['protocol']} >/dev/null\n"
    yield "ufw --force enable >/dev/null\n"


def _user(item: Item) -> Iterator[str]:
    groups = ["--groups", ",".join(item["groups"])] if item["groups"] else []
    words = ["useradd", "--system", "--no-create-home", "--user-group", "--home-dir", item["home"], *groups]
    add = shlex.join([*words, "--shell", item["shell"], item["name"]])
    yield f"id -u {item['name']} >/dev/null 2>&1 || {add}\n"  # a package may have made it


def _group(item: Item) -> Iterator[str]:
    yield f"groupadd --system {item['name']}\n"


def _directory(item: Item) -> Iterator[str]:
    yield f"install -d -m {item['mode']:o} -o {item['owner']} -g {item['group']} {item['path']}\n"


def _file(item: Item) -> Iterator[str]:
    path = item["path"]
    yield f"mkdir -p {path.rpartition('/')[0]}\ncat >{path} <<'END_OF_FILE'\n{item['content']}END_OF_FILE\n"
    yield f"chown {item['owner']}:{item['group']} {path}\nchmod {item['mode']:o} {path}\n"


def _absent(item: Item) -> Iterator[str]:
    yield f"rm -f {item['path']}\n"


def _checked(item: Item) -> Iterator[str]:
    for file in item["files"]:
        yield from _WAYS[file["kind"]](file)
    yield f"{shlex.join(item['check'])} >/dev/null 2>&1\n"


def _unit(item: Item) -> Iterator[str]:
    if not item["running"]:
        yield f"systemctl disable --quiet --now {item['name']}\n"
        return
    # Started by its package already, where it has one: its configuration has come since. A reload is done when
    # the workers say so, which nobody waits for; the certificate needs the new ones.
    action = "restart" if item["restart_on"] or item["reload_on"] else "start"
    yield f"systemctl daemon-reload\nsystemctl enable --quiet {item['name']}\nsystemctl {action} {item['name']}\n"


def _command(item: Item) -> Iterator[str]:
    if item["on"] and all(cause.startswith("command:") for cause in item["on"]):
        return  # follows what a fresh node has nothing of
    unless = f"{shlex.join(item['unless'])} >/dev/null 2>&1 || " if item["unless"] else ""
    yield f"{unless}{shlex.join(item['argv'])} >/dev/null 2>&1\n"


def _python_env(item: Item) -> Iterator[str]:
    path = item["path"]
    yield f"python3 -m venv {path}\ncat >{path}/lock <<'END_OF_LOCK'\n{item['requirements']}END_OF_LOCK\n"
    yield f"{path}/bin/pip install --quiet --disable-pip-version-check --require-hashes -r {path}/lock\n"


def _release(item: Item) -> Iterator[str]:
    root = f"/opt/hub/{item['service']}"
    home, uv = f"{root}/releases/{item['release']}", item["uv"]
    yield f"mkdir -p {home}\ntar -xf {_BUNDLE} -C {home}\n"
    yield f"cat >{home}/lock <<'END_OF_LOCK'\n{item['requirements']}END_OF_LOCK\n"
    yield f"{uv} venv --quiet --python /usr/bin/python3 {home}/venv\n"
    yield f"{uv} pip install --quiet --python {home}/venv/bin/python --require-hashes -r {home}/lock\n"
    yield f"cat >{home}/settings.json <<'END_OF_FILE'\n{item['settings']}END_OF_FILE\n"
    yield f"chgrp {item['service']} {home}/settings.json\nchmod 640 {home}/settings.json\n"
    yield f"ln -s releases/{item['release']} {root}/current\n"
    for template in (item["web"], *item["workers"]):
        unit = f"{template}@{item['release']}.service"
        yield f"systemctl enable --quiet --now {unit}\nsystemctl is-active --quiet {unit}\n"


def _certificate(item: Item) -> Iterator[str]:
    names = [f"--domain={name}" for name in item["domains"]]
    words = ["certbot", "certonly", "--quiet", "--non-interactive", "--agree-tos", "--no-eff-email"]
    words += [
        "--email",
        item["email"],
        "--server",
        item["server"],
        "--webroot",
        "--webroot-path",
        item["webroot"],
    ]
    yield f"{shlex.join([*words, '--cert-name', item['name'], *names])}\n"


def _nothing(_: Item) -> Iterator[str]:
    yield from ()  # goes, which a fresh node has nothing of


_WAYS: dict[str, Callable[[Item], Iterator[str]]] = {
    "absent": _absent,
    "certificate": _certificate,
    "checked-files": _checked,
    "command": _command,
    "directory": _directory,
    "file": _file,
    "firewall": _firewall,
    "group": _group,
    "packages": _packages,
    "python-env": _python_env,
    "release": _release,
    "retired": _nothing,
    "spiped-ends": _nothing,
    "unit": _unit,
    "user": _user,
    "withheld": _nothing,
}
