"""What single values cannot tell: rules between the parts of an inventory. Each check is a function of the draft."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..distributions import IMAGES, unfit
from ..errors import HubError, Position
from .check_tunnels import check_tunnels
from .draft import Draft, Keys, dotted, mistake
from .model import Acme, Node, service_shapes
from .people import check_people
from .providers import PROVIDERS
from .scalars import meaning, relative
from .shape import struct_fields
from .suggest import did_you_mean

MAX_FQDN = 253


def check(draft: Draft) -> Iterator[HubError]:
    """Yield the mistakes between parts that are valid by themselves."""
    yield from nodes_fit_provider(draft)
    yield from sizes_are_known(draft)
    yield from images_are_fit(draft)
    yield from limits_fit_web_servers(draft)
    yield from names_are_short_enough(draft)
    yield from names_are_relative(draft)
    yield from names_have_one_node(draft)
    yield from names_below_are_free(draft)
    yield from acme_fits_provider(draft)
    shapes = service_shapes()
    yield from check_tunnels(draft, [name for name, shape in shapes.items() if shape.reachable])
    for name, shape in shapes.items():
        yield from shape.check(name, draft)
    yield from check_people(draft)


def limits_fit_web_servers(draft: Draft) -> Iterator[HubError]:
    """What one client may ask is a limit only where the web server counts it."""
    for name, node in draft.nodes():
        if node.get("webserver") != "apache":
            continue
        for service, options in node.get("services", {}).items():
            if "requests" in options.get("limits", {}):
                keys = ("nodes", name, "services", service, "limits", "requests")
                yield mistake(
                    "limit-without-effect",
                    f"`{dotted(keys)}` has no effect behind Apache",
                    draft.keys[keys],
                    why="Apache does not count requests of a client; connections are bounded",
                    hint="remove it, or choose `webserver: nginx`",
                )


@dataclass(frozen=True)
class _Claim:
    """A full name that something of a node asks for; `owner` is a service, empty for the node itself."""

    fqdn: str
    node: str
    owner: str
    where: Position

    def __str__(self) -> str:
        return f"{self.owner} of node {self.node}" if self.owner else f"node {self.node}"


def nodes_fit_provider(draft: Draft) -> Iterator[HubError]:
    """A node has what its provider makes or finds it by, and nothing that only others understand."""
    provider = PROVIDERS.get(draft.data.get("provider", ""))
    if provider is None:
        return
    kinds = {item.name: item.type for item in struct_fields(Node)}
    for name, node in draft.nodes():
        for key in provider.needed:
            if ("nodes", name, key) not in draft.values:
                yield mistake(
                    "missing-key",
                    f"`{key}` is missing in `nodes.{name}`",
                    draft.keys["nodes", name],
                    why=f"expected: {meaning(kinds[key])}",
                )
        for key in provider.foreign:
            if key in node:
                yield mistake(
                    "foreign-key",
                    f"`nodes.{name}.{key}` means nothing to `provider: {draft.data['provider']}`",
                    draft.keys["nodes", name, key],
                    hint="remove it, or choose another provider",
                )
        gateway = node.get("gateway")
        if gateway is not None and (gateway == name or gateway not in draft.data["nodes"]):
            others = [other for other in draft.data["nodes"] if other != name]
            yield mistake(
                "unknown-node",
                f'`nodes.{name}.gateway` is "{gateway}", which is no other node',
                draft.values["nodes", name, "gateway"],
                why=f"the others are: {', '.join(others)}" if others else "there is no other",
                hint=did_you_mean(gateway, others),
            )
        elif gateway is not None and draft.data["nodes"][gateway].get("gateway"):
            yield mistake(
                "gateway-behind-gateway",
                f"`nodes.{name}.gateway` is {gateway}, which is behind a gateway itself",
                draft.values["nodes", name, "gateway"],
                hint="one gateway in a row is possible",
            )


def sizes_are_known(draft: Draft) -> Iterator[HubError]:
    """A size is a key of `sizes` or a slug of the provider; so is what `sizes` stands for a slug."""
    provider = PROVIDERS.get(draft.data.get("provider", ""))
    if provider is None or provider.sizes is None:
        return
    sizes = draft.data.get("sizes", {})
    used: list[tuple[Keys, str, list[str]]] = [(("sizes", name), slug, []) for name, slug in sizes.items()]
    for name, node in draft.nodes():
        if "size" in node and node["size"] not in sizes:
            used.append((("nodes", name, "size"), node["size"], list(sizes)))
    for keys, size, known in used:
        if not provider.sizes.form.fullmatch(size):
            neither = "neither a name of `sizes` nor" if known else "not"
            yield mistake(
                "unknown-size",
                f'`{dotted(keys)}` is "{size}": {neither} a size of the provider',
                draft.values[keys],
                why=f"`sizes` has: {', '.join(known)}" if known else "",
                hint=did_you_mean(size, known)
                or f"sizes of the provider are written like {provider.sizes.example}",
            )


def images_are_fit(draft: Draft) -> Iterator[HubError]:
    """An image of a distribution is one that hubctl's services run on; nothing is known of other names."""
    for name, node in draft.nodes():
        image = node.get("image", "")
        if reason := unfit(image):
            yield mistake(
                "unfit-image",
                f'`nodes.{name}.image` is "{image}", which hubctl\'s services do not run on',
                draft.values["nodes", name, "image"],
                why=reason,
                hint=f"{', '.join(known.slug for known in IMAGES)} are fit",
            )


def names_are_short_enough(draft: Draft) -> Iterator[HubError]:
    """DNS allows 253 characters for a full name."""
    for claim in _claims(draft):
        if len(claim.fqdn) > MAX_FQDN:
            what = f"the full name has {len(claim.fqdn)} characters, DNS allows {MAX_FQDN}"
            yield mistake("name-too-long", what, claim.where, why=claim.fqdn)


def names_are_relative(draft: Draft) -> Iterator[HubError]:
    """A host name is written without the fleet's domain, which is put behind it."""
    domain = draft.data.get("domain", "")
    for name, where in _hostnames(draft):
        short = relative(name, domain)
        if not short:
            continue
        yield mistake(
            "domain-twice",
            f"`hostname` is {name}, which has the fleet's domain in it already",
            where,
            why=f"the domain is put behind it: {_fqdn(name, domain)}",
            hint='write `hostname: "@"` for the domain itself'
            if short == "@"
            else f"write `hostname: {short}`",
        )


def _hostnames(draft: Draft) -> Iterator[tuple[str, Position]]:
    """Yield all that is written as a host name of nodes and services, and where."""
    for node, parts in draft.nodes():
        paths: list[Keys] = [("nodes", node)]
        paths += [("nodes", node, "services", service) for service in parts.get("services", {})]
        for path, given in zip(paths, (parts, *parts.get("services", {}).values()), strict=True):
            if "hostname" in given:
                yield given["hostname"], draft.values[(*path, "hostname")]


def names_have_one_node(draft: Draft) -> Iterator[HubError]:
    """Two services never share a name; a node's own name may be that of its services, but of no other node's."""
    first: dict[str, list[_Claim]] = {}
    for claim in _claims(draft):
        earlier = first.setdefault(claim.fqdn, [])
        rival = next(
            (other for other in earlier if other.node != claim.node or (other.owner and claim.owner)), None
        )
        if rival is not None:
            yield mistake(
                "duplicate-hostname",
                f"{claim} has the name {claim.fqdn}, which {rival} has already",
                claim.where,
                why=f"the other is at {rival.where}",
                hint="give one of them another `hostname`",
            )
        earlier.append(claim)


def names_below_are_free(draft: Draft) -> Iterator[HubError]:
    """Nothing else has a name below one whose names below are all taken, as those of users' servers are."""
    claims = list(_claims(draft))
    for taker in claims:
        if not taker.fqdn.startswith("*."):
            continue
        for claim in claims:
            if claim is not taker and claim.fqdn.endswith(taker.fqdn[1:]):
                yield mistake(
                    "duplicate-hostname",
                    f"{claim} has the name {claim.fqdn}, which {taker} gives to a user",
                    claim.where,
                    why=f"`subdomains` gives each user a name below {taker.fqdn[2:]}, at {taker.where}",
                    hint="give one of them a `hostname` that is not below the other's",
                )


def acme_fits_provider(draft: Draft) -> Iterator[HubError]:
    """Certificates come from a directory that reaches the provider's machines and that they reach."""
    provider = PROVIDERS.get(draft.data.get("provider", ""))
    given = ("acme", "server") in draft.keys
    server = draft.data.get("acme", {}).get("server", "" if given else Acme().server)
    if provider is None or not provider.unreachable.fullmatch(server):
        return
    yield mistake(
        "acme-unreachable",
        provider.unreachable_message,
        draft.values.get(("acme", "server"), draft.values[("provider",)]),
        why="" if given else f"`acme.server` is {server} where it is not given",
        hint=provider.unreachable_hint,
    )


def _claims(draft: Draft) -> Iterator[_Claim]:
    """Yield all names of all nodes, the www ones included, in the order of the file."""
    domain = draft.data.get("domain", "the-domain.invalid")
    for node, parts in draft.nodes():
        keys: Keys = ("nodes", node, "hostname")
        where = draft.values.get(keys, draft.keys["nodes", node])
        yield _Claim(_fqdn(parts.get("hostname", node), domain), node, "", where)
        for service, options in parts.get("services", {}).items():
            if "hostname" not in options:
                continue
            where = draft.values["nodes", node, "services", service, "hostname"]
            fqdn = _fqdn(options["hostname"], domain)
            yield _Claim(fqdn, node, service, where)
            if options.get("www"):
                yield _Claim(f"www.{fqdn}", node, service, where)
            if options.get("subdomains"):
                yield _Claim(f"*.{fqdn}", node, service, where)


def _fqdn(hostname: str, domain: str) -> str:
    return domain if hostname == "@" else f"{hostname}.{domain}"
