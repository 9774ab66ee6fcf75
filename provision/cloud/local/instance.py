"""An instance of the local cloud: its name, folder, token and addresses, all apart from every other instance's."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import Exit, HubError
from ...node.files import write_file

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_RECORD = "instance.json"
ACME_PORT = 14000


@dataclass(frozen=True)
class Instance:
    """One local cloud.

    Attributes:
        name: the operator's name for it.
        folder: state folder, mode 0700.
        bridge: network interface that its machines share.
        subnet: IPv4 network, a /24; its first address is the bridge's.
        subnet6: IPv6 network, a unique local /64.
        api_port: loopback TCP port of the HTTP API.
        acme_management_port: loopback TCP port that serves the test CA's root certificate.
        requests_per_hour: rate limit of the API, per token.
        requests_per_minute: burst limit of the API, per token.
    """

    name: str
    folder: Path
    bridge: str
    subnet: ipaddress.IPv4Network
    subnet6: ipaddress.IPv6Network
    api_port: int
    acme_management_port: int
    requests_per_hour: int = 5000
    requests_per_minute: int = 250

    @property
    def endpoint(self) -> str:
        """Base URL of the API as `DIGITALOCEAN_END_POINT` wants it, with the slash at its end."""
        return f"http://127.0.0.1:{self.api_port}/v2/"

    @property
    def token(self) -> str:
        """The API's bearer token."""
        return (self.folder / "token").read_text().strip()

    @property
    def address(self) -> str:
        """The computer's own IPv4 address on the bridge."""
        return str(self.subnet[1])

    @property
    def address6(self) -> str:
        """The computer's own IPv6 address on the bridge."""
        return str(self.subnet6[1])

    @property
    def dns_address(self) -> str:
        """Address of the DNS server (port 53, UDP and TCP)."""
        return self.address

    @property
    def acme_directory(self) -> str:
        """URL of the ACME directory, reachable from this computer and from the machines."""
        return f"https://{self.address}:{ACME_PORT}/dir"

    @property
    def acme_ca(self) -> Path:
        """PEM of the CA that the ACME server's own HTTPS is verified with."""
        return self.folder / "acme" / "ca.pem"

    @property
    def acme_roots(self) -> Path:
        """PEM bundle of every root that issued certificates come from."""
        return self.folder / "acme-roots.pem"

    @property
    def machines(self) -> Path:
        """Folder with one folder per machine."""
        return self.folder / "machines"

    @property
    def snapshots(self) -> Path:
        """Folder with one folder per snapshot: its layer."""
        return self.folder / "snapshots"

    @property
    def identity(self) -> str:
        """Six hexadecimal digits, unique to this instance on this computer."""
        return self.bridge.rpartition("-")[2]

    @property
    def table(self) -> str:
        """Name of the instance's nftables table."""
        return self.bridge.replace("-", "_")

    def save(self) -> None:
        """Write `instance.json`."""
        record = {key: value if isinstance(value, int) else str(value) for key, value in asdict(self).items()}
        del record["folder"]
        write_file(self.folder / _RECORD, json.dumps(record, indent=2) + "\n")


def base_folder() -> Path:
    """Return the folder that holds all instances: `$HUBCTL_LOCAL_DIR`, or /var/lib/hubctl/local."""
    return Path(os.environ.get("HUBCTL_LOCAL_DIR") or "/var/lib/hubctl/local").resolve()


def lock_file(name: str) -> Path:
    """Return the lock that serialises what starts, stops or removes the instance `name`."""
    return base_folder() / f".{name}.lock"


def check_name(name: str) -> None:
    """Raise HubError (`bad-instance-name`) unless `name` can name an instance."""
    if not _NAME.fullmatch(name):
        raise HubError(
            "bad-instance-name",
            f"{name!r} cannot name a local cloud",
            why="a name has 1 to 32 lower-case letters, digits and inner hyphens",
            exit_code=Exit.USAGE,
        )


def names() -> list[str]:
    """Return the names of all instances in the base folder, sorted."""
    try:
        folders = [path for path in base_folder().iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise _not_allowed(error) from None
    return sorted(path.name for path in folders if _is_instance(path))


def recorded_networks() -> list[ipaddress.IPv4Network]:
    """Return the IPv4 networks of all instances in the base folder, also while they are down."""
    records = [json.loads(path.read_text()) for path in base_folder().glob(f"[!.]*/{_RECORD}")]
    return [ipaddress.IPv4Network(record["subnet"]) for record in records]


def load(name: str) -> Instance:
    """Read an instance.

    Raises:
        HubError: `unknown-instance`, or `local-not-allowed` for an ordinary user.
    """
    check_name(name)
    folder = base_folder() / name
    try:
        record = json.loads((folder / _RECORD).read_text())
    except FileNotFoundError:
        raise HubError(
            "unknown-instance",
            f"there is no local cloud named {name}",
            why=f"{folder} holds none; known: {', '.join(names()) or 'none'}",
            hint=f"hubctl local up --name {name}",
        ) from None
    except PermissionError as error:
        raise _not_allowed(error) from None
    subnet, subnet6 = (
        ipaddress.IPv4Network(record.pop("subnet")),
        ipaddress.IPv6Network(record.pop("subnet6")),
    )
    return Instance(folder=folder, subnet=subnet, subnet6=subnet6, **record)


def _is_instance(folder: Path) -> bool:
    try:
        return (folder / _RECORD).exists()
    except PermissionError:  # it belongs to root, and somebody else asks
        return True
    except NotADirectoryError:
        return False


def _not_allowed(error: PermissionError) -> HubError:
    return HubError(
        "local-not-allowed",
        "the local clouds of this computer belong to root",
        why=str(error),
        hint="run the command again with sudo",
        exit_code=Exit.NOT_ALLOWED,
    )
