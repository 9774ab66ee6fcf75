"""The benchmark's state for pyinfra, which runs this file in its own environment. BENCH_STATE names the JSON."""

import io
import json
import os
import shlex
from pathlib import Path

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, server, systemd


def packages(item: dict) -> None:
    apt.packages(packages=item["names"])


def group(item: dict) -> None:
    server.group(group=item["name"], system=True)


def user(item: dict) -> None:
    server.user(
        user=item["name"],
        home=item["home"],
        shell=item["shell"],
        groups=item["groups"],
        append=True,
        system=True,
        ensure_home=False,
    )


def directory(item: dict) -> None:
    files.directory(path=item["path"], user=item["owner"], group=item["group"], mode=f"{item['mode']:o}")


def file(item: dict) -> None:
    files.put(
        src=io.StringIO(item["content"]),
        dest=item["path"],
        user=item["owner"],
        group=item["group"],
        mode=f"{item['mode']:o}",
    )


def symlink(item: dict) -> None:
    files.link(path=item["path"], target=item["target"])


def absent(item: dict) -> None:
    files.file(path=item["path"], present=False)


def unit(item: dict) -> None:
    systemd.service(service=item["name"], running=item["running"], enabled=item["enabled"])


def assertion(item: dict) -> None:
    found = host.get_fact(Command, f"sh -c {shlex.quote(item['test'])} >/dev/null 2>&1; echo $?")
    if found.strip() != "0":
        raise AssertionError(f"{item['test']} ended with {found}")


KINDS = {
    "packages": packages,
    "group": group,
    "user": user,
    "directory": directory,
    "file": file,
    "symlink": symlink,
    "absent": absent,
    "unit": unit,
    "assertion": assertion,
}

for resource in json.loads(Path(os.environ["BENCH_STATE"]).read_text()):
    KINDS[resource["kind"]](resource)
