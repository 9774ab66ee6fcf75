"""Base images: made once by mmdebstrap from the host's own archives, shared read-only by every machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ...distributions import IMAGES, UBUNTU, Image
from ...errors import HubError
from . import apt
from .command import run
from .files import locked
from .host import distribution, program_path

_FOLDER = Path("/var/cache/hubctl/images")

# What DigitalOcean's own Debian and Ubuntu images offer to somebody who logs in, less the kernel.
_PACKAGES = (
    "apt-utils", "ca-certificates", "cloud-init", "cron", "curl", "dbus", "gnupg", "iproute2", "iputils-ping",
    "kmod", "less", "libpam-systemd", "logrotate", "lsb-release", "nano", "netbase", "openssh-server", "procps",
    "python3", "rsync", "sudo", "systemd", "systemd-sysv", "systemd-timesyncd", "tzdata", "udev", "wget",
)  # fmt: skip

# Root logs in by key as on DigitalOcean; the network and the package sources are there before cloud-init runs.
_CLOUD_CONFIG = """\
datasource_list: [NoCloud]
disable_root: false
users: []
ssh_genkeytypes: [ed25519, ecdsa]
locale: false
preserve_hostname: false
manage_etc_hosts: false
network: {config: disabled}
apt: {preserve_sources_list: true}
growpart: {mode: "off"}
resize_rootfs: false
"""
_FILES = {
    "etc/cloud/cloud.cfg.d/90-local-cloud.cfg": _CLOUD_CONFIG,
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/fstab": "",
}
# No device manager, console or kernel of its own in a container: these would only wait or fail.
_MASKED = (
    "console-getty.service",
    "getty.target",
    "systemd-networkd-wait-online.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
    "systemd-udev-settle.service",
    "systemd-modules-load.service",
    "cloud-init-hotplugd.socket",
)
_REMOVED = (
    "etc/ssh/ssh_host_*",
    "var/lib/apt/lists/*",
    "var/lib/dbus/machine-id",
    "etc/apt/apt.conf.d/99mmdebstrap",
)
_EMPTIED = ("etc/machine-id", "etc/resolv.conf", "etc/hostname")


def offered() -> list[Image]:
    """Return the images that this computer can make: those whose archive's keyring is installed."""
    return [image for image in IMAGES if image.distribution.keyring.exists()]


def sources(image: Image) -> list[apt.Source]:
    """Return the host's own archives where it runs the image's distribution.

    None elsewhere: then mmdebstrap takes the distribution's public ones and notes them in the image itself.
    """
    if distribution() != image.distribution.name:
        return []
    host_suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    own = apt.for_suite(apt.host_sources(), host_suite, image.suite)
    return own if any(image.suite in source.suites for source in own) else []


def ensure(image: Image, report: Callable[[str], None]) -> Path:
    """Return the folder of the image's root, made first if it is not there yet.

    Raises:
        HubError: `image-failed`, with the last lines of mmdebstrap.
    """
    lines = [line for source in sources(image) for line in source.lines()]
    recipe = json.dumps(
        (lines, _packages(image), _FILES, _enabled(image), _masked(image), _REMOVED, _EMPTIED)
    )
    folder = _FOLDER / f"{image.slug}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    with locked(_FOLDER / f".{image.slug}.lock"):
        if not folder.exists():
            report(f"image {image.slug}: making it once for this computer, about half a minute")
            _build(image, lines, folder, report)
    return folder


def _packages(image: Image) -> tuple[str, ...]:
    return (*_PACKAGES, *image.distribution.installed)


def _enabled(image: Image) -> tuple[str, ...]:
    return ("systemd-networkd.service", "ssh.socket" if image.ssh_socket else "ssh.service")


def _masked(image: Image) -> tuple[str, ...]:
    # Ubuntu's configures the network again, by way of the device manager.
    return (*_MASKED, *(("netplan-configure.service",) if image.distribution is UBUNTU else ()))


def _build(image: Image, lines: list[str], folder: Path, report: Callable[[str], None]) -> None:
    # Only the holder of the lock writes here: what is left is of a build that was killed.
    for leftover in _FOLDER.glob(f".{image.slug}-*"):
        _remove(leftover)
    building = folder.with_name(f".{folder.name}")
    try:
        _bootstrap(image, lines, building, report)
        _finish(image, building)
        building.rename(folder)
    except BaseException:
        _remove(building)
        raise


def _bootstrap(image: Image, lines: list[str], folder: Path, report: Callable[[str], None]) -> None:
    # Its mounts of /proc, /sys and /dev are seen by itself alone: whatever ends it, they end with it.
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv += ["mmdebstrap", "--mode=root", "--format=directory", "--variant=minbase"]
    argv += [f"--include={','.join(_packages(image))}", f"--keyring={image.distribution.keyring}"]
    argv += [f"--aptopt={option}" for option in apt.host_options()]
    # Without archives of the host's own on stdin, mmdebstrap takes the public ones, updates and security included.
    own = ["-"] if lines else []
    argv += [] if lines else [f"--components={','.join(image.distribution.components)}"]
    process = subprocess.Popen(
        [*argv, image.suite, str(folder), *own],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": program_path(), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
    )
    if process.stdin is None or process.stderr is None:  # both were asked for above
        raise AssertionError
    process.stdin.write("\n".join(lines) + "\n")
    process.stdin.close()
    said: list[str] = []
    try:
        for line in process.stderr:
            said.append(line.rstrip())
            if line.startswith("I: ") and line.rstrip().endswith("..."):
                report(f"image {image.slug}: {line[3:].strip()}")
        failed = process.wait() != 0
    except BaseException:
        process.kill()
        process.wait()
        raise
    if failed:
        raise HubError(
            "image-failed",
            f"the image {image.slug} could not be made",
            why="\n".join(said[-12:]),
            hint="check that this computer reaches the package archive: apt-get update",
        )


def _remove(root: Path) -> None:
    """Remove what a build left, and nothing that is mounted in it."""
    run(["rm", "--recursive", "--force", "--one-file-system", "--", str(root)], check=False)


def _finish(image: Image, root: Path) -> None:
    """Make a freshly installed root generic: settings written, identities and caches removed."""
    for pattern in _REMOVED:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in _EMPTIED:
        (root / name).unlink(missing_ok=True)
        (root / name).touch(mode=0o644)
    for name, content in _FILES.items():
        (root / name).write_text(content)
    run(["chroot", str(root), "systemctl", "enable", *_enabled(image)])
    run(["chroot", str(root), "systemctl", "mask", *_masked(image)])
