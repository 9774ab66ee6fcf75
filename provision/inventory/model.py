"""The inventory's shape. Everything that reads, checks or documents an inventory derives from these types."""

from __future__ import annotations

from typing import Annotated, Literal, dataclass_transform

from msgspec import Meta, Struct, field

Label = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="a DNS label: lower-case letters, digits and hyphens, 63 characters at most",
    ),
]
Hostname = Annotated[
    str,
    Meta(
        pattern=r"^(@|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)$",
        description="a host name relative to the fleet's domain, or @ for the domain itself",
    ),
]
Domain = Annotated[
    str,
    Meta(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
        max_length=253,
        description="a domain name such as example.org",
    ),
]
Email = Annotated[
    str, Meta(pattern=r"""^[^@\s"'\\]+@[^@\s"'\\]+\.[^@\s"'\\]+$""", description="an e-mail address")
]
_SLUG = r"^[a-z0-9][a-z0-9._-]*$"
Slug = Annotated[str, Meta(pattern=_SLUG, max_length=64, description="a slug of the provider")]
Image = Annotated[
    str, Meta(pattern=_SLUG, max_length=64, description="an image of the provider such as debian-13-x64")
]
Region = Annotated[
    str, Meta(pattern=_SLUG, max_length=64, description="a region of the provider such as fra1")
]
Size = Annotated[
    str,
    Meta(
        pattern=_SLUG,
        max_length=64,
        description="a name of `sizes`, or a size of the provider such as s-1vcpu-2gb",
    ),
]
Origin = Annotated[
    str, Meta(pattern=r"^(\*|https?://[A-Za-z0-9.-]+(:[0-9]+)?)$", description="a web origin, or *")
]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts of an inventory: immutable, and unknown keys are mistakes."""


class Operator(Shape):
    """Who keeps the fleet."""

    email: Email
    ssh_key: (
        Annotated[
            str, Meta(min_length=1, description="path of a private key; without it one is made for the fleet")
        ]
        | None
    ) = None


class Acme(Shape):
    """Where certificates come from: a known name or a directory URL."""

    server: Annotated[
        str,
        Meta(
            pattern=r"^(letsencrypt|letsencrypt-staging|local|https://\S+)$",
            description="letsencrypt, letsencrypt-staging, local or an https directory URL",
        ),
    ] = "letsencrypt"


Workers = Annotated[int, Meta(ge=1, le=64, description="tasks computed at the same time, 1 to 64")]


class TaskApi(Shape):
    """Stable configurations of thermodynamic binding networks, as tasks over HTTP.

    Without a host name it is reached through a tunnel alone.
    """

    hostname: Hostname | None = None
    www: Annotated[bool, Meta(description="whether it answers at www. before the host name, too")] = False
    workers: Annotated[
        Workers | Annotated[dict[Label, Workers], Meta(min_length=1)],
        Meta(
            description="tasks computed at the same time, 1 to 64; or that for each node that computes, by name"
        ),
    ] = 1
    timeout: Annotated[int, Meta(ge=1, le=86400, description="seconds a task may compute, 1 to 86400")] = 90
    result_expires: Annotated[
        int, Meta(ge=1, le=86400, description="seconds a result is kept, 1 to 86400")
    ] = 300
    cors_origins: Annotated[
        tuple[Origin, ...], Meta(description="web origins whose pages may call the API, or *")
    ] = ("*",)
    operator_token: Annotated[
        bool,
        Meta(description="whether a token, kept among the secrets, opens /tasks and /metrics from outside"),
    ] = False


class Proxy(Shape, kw_only=True):
    """A site that passes its requests through a tunnel to a service on another node."""

    hostname: Hostname
    www: Annotated[bool, Meta(description="whether it answers at www. before the host name, too")] = False
    tunnel: Label
    timeout: Annotated[
        int, Meta(ge=1, le=3600, description="seconds the service may stay silent, 1 to 3600")
    ] = 60
    max_body_mb: Annotated[
        int, Meta(ge=1, le=4096, description="megabytes a request may have, 1 to 4096")
    ] = 10


class Services(Shape):
    """The services of a node, by name."""

    task_api: TaskApi | None = None
    proxy: Proxy | None = None


class Tunnel(Shape, kw_only=True):
    """An encrypted way from nodes to a service or port of another, which is open to nobody else."""

    from_: Annotated[
        Label | tuple[Label, ...], Meta(description="the node, or list of nodes, that use the tunnel")
    ] = field(name="from")
    to: Label
    service: Annotated[Literal["task_api"], Meta(description="a service of the far node")] | None = None
    port: (
        Annotated[int, Meta(ge=1, le=65535, description="a TCP port of the far node's own loopback")] | None
    ) = None
    listen: Annotated[
        int,
        Meta(
            ge=1024,
            le=65534,
            description="port of the far node, 1024 to 65534; the next one is needed, too, while keys change",
        ),
    ]
    address: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]+$",
                max_length=253,
                description="DNS name, IPv4 or IPv6 address at which the far node is found",
            ),
        ]
        | None
    ) = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The nodes that use the tunnel."""
        return (self.from_,) if isinstance(self.from_, str) else self.from_


class BrokerTunnel(Tunnel):
    """The way from nodes that compute to the queue of their `task_api`: it follows from `workers`, nobody writes it."""


class Node(Shape):
    """One machine and what runs on it."""

    size: Size
    image: Image
    region: Region | None = None
    hostname: Hostname | None = None
    ipv6: Annotated[bool, Meta(description="whether it gets an IPv6 address and AAAA records, too")] = True
    services: Services = field(default_factory=Services)


class Fleet(Shape, kw_only=True):
    """One inventory file."""

    fleet: Label
    domain: Domain
    provider: Annotated[Literal["local", "digitalocean"], Meta(description="local or digitalocean")]
    operator: Operator
    acme: Acme = field(default_factory=Acme)
    region: Region = "fra1"
    sizes: Annotated[dict[Label, Slug], Meta(description="names of your own for sizes of the provider")] = (
        field(default_factory=dict)
    )
    nodes: Annotated[dict[Label, Node], Meta(min_length=1, description="nodes by name")]
    tunnels: Annotated[dict[Label, Tunnel], Meta(description="tunnels between nodes, by name")] = field(
        default_factory=dict
    )

    def fqdn(self, hostname: str) -> str:
        """Return the full name of a host name relative to the fleet's domain."""
        return self.domain if hostname == "@" else f"{hostname}.{self.domain}"
