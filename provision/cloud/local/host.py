"""What the local cloud needs of this computer, and the one command that installs what is missing."""

from __future__ import annotations

import os
import platform
import shutil

from ...distributions import DEBIAN, DISTRIBUTIONS
from ...errors import Exit, HubError

_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "pebble": "pebble",
    "openssl": "openssl",
    "unshare": "util-linux",
}
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program_path() -> str:
    """Return PATH with the administrator's folders, which an ordinary user's PATH lacks."""
    return os.pathsep.join(filter(None, [os.environ.get("PATH"), _SYSTEM_PATH]))


def find_program(name: str) -> str | None:
    """Return the full path of a program, or None when it is not installed."""
    return shutil.which(name, path=program_path())


def missing() -> list[str]:
    """Name the Debian or Ubuntu packages that are still to be installed, in order of name."""
    packages = {package for program, package in _PROGRAMS.items() if find_program(program) is None}
    # Debian's images are made on every host, Ubuntu's where Ubuntu runs.
    wanted = [known for known in DISTRIBUTIONS if known is DEBIAN or known.name == distribution()]
    packages.update(known.keyring_package for known in wanted if not known.keyring.exists())
    return sorted(packages)


def distribution() -> str:
    """Return the host's distribution as its os-release file names it (`debian`, `ubuntu`, ...)."""
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def unusable() -> str:
    """Say why no machine can ever run here whatever is installed; empty when they can."""
    if platform.system() != "Linux":
        return f"machines are Linux containers, and this computer runs {platform.system()}"
    if os.geteuid() != 0:
        return "making machines, bridges and mounts needs root, and this command runs as an ordinary user"
    return ""


def require() -> None:
    """Raise HubError (`local-host-incomplete`) unless the local cloud can run on this computer."""
    reason = unusable()
    if reason:
        hint = (
            "run the command again with sudo"
            if platform.system() == "Linux"
            else "use provider: digitalocean"
        )
        raise _incomplete(reason, hint)
    packages = missing()
    if packages:
        raise _incomplete(
            f"not installed: {', '.join(packages)}",
            f"apt-get update && apt-get install -y {' '.join(packages)}",
        )


def _incomplete(why: str, hint: str) -> HubError:
    return HubError(
        "local-host-incomplete",
        "the local cloud cannot run on this computer yet",
        why=why,
        hint=hint,
        exit_code=Exit.NOT_ALLOWED,
    )
