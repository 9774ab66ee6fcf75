"""The releases of Debian and Ubuntu that nodes run: what their images are called, and in what they differ.

The only table of its kind: the inventory's check, the local cloud and the services all read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_SLUG = re.compile(r"(?P<name>[a-z]+)-(?P<version>[0-9]+(-[0-9]+)?)-.+")
_WITHOUT_APT = frozenset({"almalinux", "centos", "fedora", "freebsd", "rocky", "rockylinux"})


@dataclass(frozen=True)
class Distribution:
    """A family of releases.

    Attributes:
        name: as `ID` of os-release has it.
        title: as people write it.
        oldest: the first version that services run on: it has systemd 250 and nginx 1.19.4.
        keyring: the keys that sign its archive, where its own package puts them.
        keyring_package: that package.
        components: parts of its archive that packages are taken from.
        installed: what its images at providers have beside the packages of all images. needrestart would ask questions
            and restart services in the middle of an installation: the engine's apt suspends it.
    """

    name: str
    title: str
    oldest: tuple[int, ...]
    keyring: Path
    keyring_package: str
    components: tuple[str, ...]
    installed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """A release as a machine gets it.

    Attributes:
        slug: the image's name in the API of DigitalOcean and in inventories.
        name: DigitalOcean's name for people, without the distribution.
        suite: the release in the archive's words.
        distribution: what it is a release of.
        python: version of `python3`, which the engine runs on and services' environments are made with.
        postgresql: major version that the package `postgresql` installs, a part of its paths and unit names.
        ssh_socket: systemd holds sshd's port and starts `ssh.service` with the first connection.
    """

    slug: str
    name: str
    suite: str
    distribution: Distribution
    python: tuple[int, int]
    postgresql: int
    ssh_socket: bool


DEBIAN = Distribution(
    "debian",
    "Debian",
    (12,),
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    "debian-archive-keyring",
    ("main",),
)
UBUNTU = Distribution(
    "ubuntu",
    "Ubuntu",
    (24, 4),
    Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
    "ubuntu-keyring",
    ("main", "universe"),
    ("needrestart",),
)
DISTRIBUTIONS = (DEBIAN, UBUNTU)
# The first is the default of documents and of whoever asks for none.
IMAGES = (
    Image("debian-13-x64", "13 x64", "trixie", DEBIAN, (3, 13), 17, ssh_socket=False),
    Image("debian-12-x64", "12 x64", "bookworm", DEBIAN, (3, 11), 15, ssh_socket=False),
    Image("ubuntu-24-04-x64", "24.04 (LTS) x64", "noble", UBUNTU, (3, 12), 16, ssh_socket=True),
    Image("ubuntu-26-04-x64", "26.04 (LTS) x64", "resolute", UBUNTU, (3, 14), 18, ssh_socket=True),
)
DEFAULT = IMAGES[0]


def unfit(slug: str) -> str:
    """Say why services do not run on an image; empty when they do, and for names that tell nothing.

    A release that is newer than the table is taken for fit, and so is an image of the operator's own.
    """
    match = _SLUG.fullmatch(slug)
    if match is None:
        return ""
    if match["name"] in _WITHOUT_APT:
        return f"{match['name']} has no apt"
    distribution = next((known for known in DISTRIBUTIONS if known.name == match["name"]), None)
    version = tuple(int(part) for part in match["version"].split("-"))
    if distribution is None or version >= distribution.oldest:
        return ""
    oldest = "-".join(f"{part:02}" for part in distribution.oldest).replace("-", ".")
    return f"they need systemd 250 and nginx 1.19.4, which came with {distribution.title} {oldest}"
