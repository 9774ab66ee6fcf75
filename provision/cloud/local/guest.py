"""What a machine gets from its host before it boots: addresses, and the host's own ways to package registries."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from . import apt, registries
from .command import run
from .disk import Disk

_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
_NETWORK = """\
[Match]
Name=host0

[Network]
Address={address}/{prefix}
Gateway={gateway}
{ipv6}LinkLocalAddressing=ipv6
IPv6AcceptRA=no
DHCP=no
"""


def write_network(
    disk: Disk,
    *,
    hostname: str,
    address: str,
    subnet: ipaddress.IPv4Network,
    gateway: str,
    address6: str = "",
) -> None:
    """Give the machine its name, its static addresses and the instance's DNS server (at the gateway)."""
    ipv6 = f"Address={address6}/64\n" if address6 else ""
    text = _NETWORK.format(address=address, prefix=subnet.prefixlen, gateway=gateway, ipv6=ipv6)
    disk.write("etc/systemd/network/10-host0.network", text)
    disk.write("etc/resolv.conf", f"nameserver {gateway}\n")
    disk.write("etc/hostname", f"{hostname}\n")
    short = hostname.partition(".")[0]
    names = hostname if short == hostname else f"{hostname} {short}"
    disk.write(
        "etc/hosts",
        f"127.0.0.1 localhost\n127.0.1.1 {names}\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\n",
    )


def write_apt(disk: Disk, sources: Iterable[apt.Source], options: Sequence[str]) -> None:
    """Give the machine the host's package archives, or leave the image's own, and the settings that reach them."""
    lines = []
    for source in sources:
        lines += source.lines()
        keyring = Path(source.signed_by) if source.signed_by else None
        if keyring and keyring.is_file() and disk.below(str(keyring).lstrip("/")) is None:
            disk.write(str(keyring).lstrip("/"), keyring.read_bytes())
    if lines:
        disk.write("etc/apt/sources.list", "\n".join(lines) + "\n")
    if options:
        disk.write("etc/apt/apt.conf.d/90host", "\n".join(options) + "\n", 0o644)


def write_trust(disk: Disk, certificates: Sequence[str]) -> None:
    """Let the machine trust further CAs, in each of the three places that programs look.

    OpenSSL reads the folder of hashed names, most others the bundle; update-ca-certificates makes both anew
    from /usr/local/share/ca-certificates, so the certificates are there as well.
    """
    bundle = disk.read(_BUNDLE)
    known = set(split_bundle(bundle))
    added = [certificate for certificate in dict.fromkeys(certificates) if certificate not in known]
    for number, certificate in enumerate(added):
        name = f"host-{number}"
        local = f"usr/local/share/ca-certificates/{name}.crt"
        disk.write(local, certificate + "\n")
        disk.link(f"etc/ssl/certs/{name}.pem", f"/{local}")
        subject = run(["openssl", "x509", "-noout", "-subject_hash"], stdin=certificate + "\n").strip()
        disk.link(_free_hash(disk, subject), f"{name}.pem")
    if added:
        disk.write(_BUNDLE, bundle + "\n".join(added) + "\n")


def host_certificates() -> list[str]:
    """Return the CAs that this computer trusts beyond its distribution's, as PEM blocks."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or f"/{_BUNDLE}")
    if not bundle.is_file():
        return []
    distributed: set[str] = set()
    for path in Path("/usr/share/ca-certificates").rglob("*.crt"):
        distributed.update(split_bundle(path.read_text()))
    return [certificate for certificate in split_bundle(bundle.read_text()) if certificate not in distributed]


def write_registries(disk: Disk, *, own_trust: bool) -> list[Path]:
    """Give the machine the host's Python package indexes, for pip and for uv, and the host's proxies.

    Args:
        disk: the machine's disk.
        own_trust: the machine trusts CAs beyond those that pip brings itself.

    Returns:
        Folders of the host that the configuration names: to be mounted read-only at the same paths.
    """
    settings = registries.host_settings()
    mode = 0o600 if settings.has_credentials() else 0o644
    if pip := settings.pip_conf(own_trust=own_trust):
        disk.write("etc/pip.conf", pip, mode)
    if uv := settings.uv_toml():
        disk.write("etc/uv/uv.toml", uv, mode)
    proxies = [
        f"{name}={os.environ[name]}"
        for key in _PROXY_VARIABLES
        for name in (key, key.upper())
        if name in os.environ
    ]
    if proxies:
        disk.write("etc/environment", "".join(f"{line}\n" for line in proxies), 0o644)
    return settings.folders()


def services_of_host() -> list[tuple[str, int]]:
    """Return the proxies, indexes and archives of this computer's settings that this computer itself serves.

    Pairs of an IPv4 address and a TCP port; one at a loopback address serves no machine.
    """
    settings = registries.host_settings()
    named = [os.environ.get(name, "") for key in _PROXY_VARIABLES for name in (key, key.upper())]
    named += [value for values in settings.options.values() for value in values]
    named += [source.uri for source in apt.host_sources()]
    named += [quoted for line in apt.host_options() for quoted in line.split('"')[1:2]]
    found = (service for url in named if (service := _service(url)))
    return sorted({(host, port) for host, port in found if _is_own(host)})


def _service(url: str) -> tuple[str, int] | None:
    """Return the IPv4 address and the port that a URL with an address in it names; a name is none of this computer."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        return str(ipaddress.IPv4Address(parts.hostname or "")), port
    except (ValueError, KeyError):
        return None


def _is_own(address: str) -> bool:
    """Tell whether an address is this computer's and others can reach it: only that can be listened on."""
    if ipaddress.IPv4Address(address).is_loopback:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def certificates_of(path: Path) -> list[str]:
    """Return the certificates of a PEM file."""
    return split_bundle(path.read_text())


def split_bundle(bundle: str) -> list[str]:
    return _CERTIFICATE.findall(bundle)


def _free_hash(disk: Disk, subject: str) -> str:
    """Return the first unused name of the form HASH.N, as OpenSSL counts certificates of equal subject hash."""
    number = 0
    while disk.has(name := f"etc/ssl/certs/{subject}.{number}"):
        number += 1
    return name
