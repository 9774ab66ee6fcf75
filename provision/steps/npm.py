"""Programs of the npm registry, installed as a lock pins them: files by their hashes, and no script of theirs."""

from __future__ import annotations

import hashlib

from ..node.resources import Command, Directory, File, Resource

_DIGITS = 12
_CACHE = "/var/cache/hubctl/npm"
_TRUST = "/etc/ssl/certs/ca-certificates.crt"


def npm_folder(path: str, package: str, lock: str) -> str:
    """Return the folder that a program has, which is another for another lock."""
    return f"{path}-{hashlib.sha256(f'{package}{lock}'.encode()).hexdigest()[:_DIGITS]}"


def npm_program(name: str, folder: str, *, npm: str, package: str, lock: str) -> list[Resource]:
    """Return a program with all that it needs, in `node_modules` of a folder.

    Args:
        name: what the command that installs it is called.
        folder: where; see `npm_folder`.
        npm: path of the npm program.
        package: text of `package.json`.
        lock: text of `package-lock.json`, with the hashes of all files that are installed.
    """
    install = (
        *(npm, "ci", "--prefix", folder, "--omit=dev", "--ignore-scripts"),
        *("--no-audit", "--no-fund", "--no-update-notifier", "--cache", _CACHE, "--cafile", _TRUST),
    )
    return [
        Directory(folder),
        File(f"{folder}/package.json", package),
        File(f"{folder}/package-lock.json", lock),
        # npm writes this file last.
        Command(name, install, creates=f"{folder}/node_modules/.package-lock.json"),
    ]
