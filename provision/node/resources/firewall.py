"""The node's firewall (ufw): deny by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import ufw
from ..records import dataclass
from .base import Change, Resource

if TYPE_CHECKING:
    from ..run import Run

_SSH = 22


@dataclass(frozen=True)
class Rule:
    """Incoming traffic that is allowed; `source` is an address, a network or `any`."""

    port: int
    protocol: str = "tcp"
    source: str = "any"

    def __post_init__(self) -> None:
        """Refuse what ufw would not take.

        Raises:
            ValueError: naming it.
        """
        if not 0 < self.port < 65536 or self.protocol not in ("tcp", "udp"):
            raise ValueError(f"{self.port}/{self.protocol} is no port")
        if self.source != "any":
            from ipaddress import ip_network

            ip_network(self.source)


@dataclass(frozen=True)
class Firewall(Resource):
    """Exactly these incoming ports are open; a node's plan has one of these, merged from all its steps.

    SSH (22/tcp) stays open to all unless a rule for it says from where.
    """

    kind: ClassVar[str] = "firewall"
    rules: tuple[Rule, ...]

    @property
    def key(self) -> str:
        """There is one per node."""
        return "ufw"

    def merged(self, other: Resource) -> Firewall:
        """Open what one of the two opens."""
        rules = other.rules if isinstance(other, Firewall) else ()
        return Firewall(tuple(dict.fromkeys((*self.rules, *rules))))

    def _wanted(self) -> list[ufw.Allowed]:
        rules = [ufw.Allowed(rule.protocol, rule.port, rule.source) for rule in self.rules]
        ssh = any(rule.port == _SSH and rule.protocol == "tcp" for rule in rules)
        return rules if ssh else [ufw.Allowed("tcp", _SSH, "any"), *rules]

    def compare(self, run: Run) -> list[Change]:
        """Read ufw's own files."""
        if lost := ufw.lost(run):
            return [Change(f"restore {', '.join(lost)}")]
        found = ufw.read(run)
        if found is None:
            return [Change("set up ufw")]
        changes = [] if found.enabled else [Change("enable")]
        if not found.denies:
            changes.append(Change("deny what is not allowed"))
        missing, unwanted = ufw.compare(found, self._wanted())
        changes += [Change(f"allow {rule}") for rule in missing]
        return changes + [Change(f"remove {rule}") for rule in unwanted]

    def apply(self, run: Run) -> None:
        """Add what is missing, SSH first, deny the rest, and only then remove what is not wanted."""
        if lost := ufw.lost(run):
            from ..apt import reinstall

            for name in lost:
                run.path(name).unlink(missing_ok=True)
            reinstall(run, "ufw")
        ufw.apply(run, sorted(self._wanted(), key=lambda rule: rule.port != _SSH))
