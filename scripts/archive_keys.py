"""Get the keyring of another distribution from the newest Debian where this computer's release does not have it."""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from provision.cloud.local import host
from provision.cloud.local.apt import for_suite, host_options, host_sources
from provision.distributions import DEBIAN, DEFAULT, DISTRIBUTIONS, Distribution


def wanted() -> list[Distribution]:
    """Return the distributions whose archives cannot be verified here yet, on a computer with Debian."""
    if host.distribution() != DEBIAN.name:
        return []
    return [known for known in DISTRIBUTIONS if not known.keyring.exists()]


def install(distribution: Distribution) -> None:
    """Install its keyring's package, which the archive of Debian's default image signs.

    Raises:
        subprocess.CalledProcessError: apt could not fetch or verify it.
    """
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    sources = for_suite(host_sources(), codename, DEFAULT.suite)
    with tempfile.TemporaryDirectory(prefix="hubctl-keyring-") as name:
        folder = Path(name)
        for part in ("lists/partial", "cache/archives/partial", "parts"):
            (folder / part).mkdir(parents=True)
        (folder / "sources.list").write_text(
            "".join(f"{line}\n" for each in sources for line in each.lines())
        )
        (folder / "apt.conf").write_text(
            "\n".join(
                [
                    *host_options(),
                    f'Dir::Etc::SourceList "{folder}/sources.list";',
                    f'Dir::Etc::SourceParts "{folder}/parts";',
                    f'Dir::State::Lists "{folder}/lists";',
                    f'Dir::Cache "{folder}/cache";',
                    'APT::Sandbox::User "root";',
                ]
            )
        )
        environment = {"APT_CONFIG": f"{folder}/apt.conf", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        apt = ["apt-get", "-q", "-q"]
        for command in (
            [*apt, "update"],
            [*apt, "download", distribution.keyring_package],
            ["sh", "-c", "dpkg --install ./*.deb"],
        ):
            subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)


def install_missing() -> None:
    """Install what is missing; say in one line what cannot be had."""
    for distribution in wanted():
        try:
            install(distribution)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no keys of {distribution.title}'s archive: {error}", file=sys.stderr)
