"""ufw: its rules as its files have them, and the commands that change them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .errors import NodeError
from .records import dataclass
from .run import Run

_ANY = {4: "0.0.0.0/0", 6: "::/0"}
_FILES = {4: "/etc/ufw/user.rules", 6: "/etc/ufw/user6.rules"}
_TUPLE = "### tuple ### "
_PROGRAM = "/usr/sbin/ufw"
_CHAINS = ("before", "before6", "user", "user6", "after", "after6")
_NEEDED = ("/etc/default/ufw", "/etc/ufw/ufw.conf", *(f"/etc/ufw/{chain}.rules" for chain in _CHAINS))
"""Files without which ufw does nothing."""


@dataclass(frozen=True)
class Allowed:
    """Incoming traffic that is let in: to a port, from an address, a network or `any`."""

    protocol: str
    port: int
    source: str

    def __str__(self) -> str:
        """Write it as an operator would."""
        return f"{self.port}/{self.protocol}" + ("" if self.source == "any" else f" from {self.source}")

    def tuples(self, *, ipv6: bool) -> set[tuple[int, str]]:
        """Return the rules ufw makes of it: address family and ufw's own words."""
        if self.source == "any":
            return {(family, self._words(family, _ANY[family])) for family in ((4, 6) if ipv6 else (4,))}
        from ipaddress import ip_network

        network = ip_network(self.source, strict=False)
        single = network.prefixlen == network.max_prefixlen
        source = str(network.network_address) if single else str(network)
        return {(network.version, self._words(network.version, source))}

    def _words(self, family: int, source: str) -> str:
        return f"allow {self.protocol} {self.port} {_ANY[family]} any {source} in"


@dataclass(frozen=True)
class Found:
    """What ufw's files say."""

    enabled: bool
    denies: bool
    ipv6: bool
    rules: frozenset[tuple[int, str]]


def read(run: Run) -> Found | None:
    """Read ufw's files without starting it; None where it is not installed."""
    settings = _settings(run, "/etc/default/ufw")
    if not settings or not run.path(_FILES[4]).exists():
        return None
    ipv6 = settings.get("IPV6") == "yes" and run.path("/proc/sys/net/ipv6").is_dir()
    rules = set()
    for family in (4, 6) if ipv6 else (4,):
        path = run.path(_FILES[family])
        for line in path.read_text().splitlines() if path.exists() else ():
            if line.startswith(_TUPLE):
                words = line[len(_TUPLE) :].split(" comment=")[0]
                rules.add((family, words.strip()))
    return Found(
        enabled=_settings(run, "/etc/ufw/ufw.conf").get("ENABLED") == "yes",
        denies=settings.get("DEFAULT_INPUT_POLICY") == "DROP",
        ipv6=ipv6,
        rules=frozenset(rules),
    )


def lost(run: Run) -> list[str]:
    """Return the files that ufw, which is installed, needs and that are gone or empty."""
    if not run.path(_PROGRAM).exists():
        return []
    return [name for name in _NEEDED if not _size(run.path(name))]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _settings(run: Run, name: str) -> dict[str, str]:
    path = run.path(name)
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def compare(found: Found, wanted: Sequence[Allowed]) -> tuple[list[Allowed], list[str]]:
    """Return which wanted rules are missing, and which rules there are not wanted, in ufw's words."""
    missing = [rule for rule in wanted if not rule.tuples(ipv6=found.ipv6) <= found.rules]
    known = {entry for rule in wanted for entry in rule.tuples(ipv6=found.ipv6)}
    return missing, sorted({words for _, words in found.rules - known})


def apply(run: Run, wanted: Sequence[Allowed]) -> None:
    """Make ufw's rules the wanted ones; the caller puts SSH first.

    Raises:
        NodeError: ufw is not installed, or refuses.
    """
    found = read(run)
    if found is None:
        raise NodeError("no-ufw", "ufw is not installed", hint="the package `ufw` must be in the plan")
    missing, unwanted = compare(found, wanted)
    for rule in missing:
        to = ["to", "any", "port", str(rule.port)]
        _ufw(run, "allow", "proto", rule.protocol, "from", rule.source, *to)
    if not found.denies:
        _ufw(run, "default", "deny", "incoming")
    if not found.enabled:
        _ufw(run, "--force", "enable")
    run.stage("enabled")
    for words in unwanted:
        _ufw(run, "--force", "delete", *_as_arguments(words))


def _as_arguments(words: str) -> list[str]:
    """Turn a rule in the words of ufw's files into those of its command line."""
    action, protocol, port, target, source_port, source, *rest = words.split()
    direction = rest[-1]
    application = rest[:2] if len(rest) == 3 else []
    if application and application[0] != "-":
        return [action, application[0].replace("%20", " ")]
    way, _, interface = direction.partition("_")
    rule = [*action.replace("_", " ").split(), way, *(["on", interface] if interface else [])]
    rule += ["proto", protocol] if protocol != "any" else []
    rule += ["from", "any" if source in _ANY.values() else source]
    rule += ["port", source_port] if source_port != "any" else []
    rule += ["to", "any" if target in _ANY.values() else target]
    return rule + (["port", port] if port != "any" else [])


def _ufw(run: Run, *arguments: str) -> None:
    run.run_checked(["ufw", *arguments], "ufw-failed", f"ufw {' '.join(arguments)} failed", timeout=60)
