"""The inventory's shape. Everything that reads, checks or documents an inventory derives from these types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Annotated, ClassVar, Literal, get_args, get_type_hints

from msgspec import Meta, field

from .services.dashboard import Dashboard
from .services.jupyterhub import JupyterHub
from .services.notebook_api import NotebookApi
from .services.proxy import Proxy
from .services.service import Service
from .services.task_api import TaskApi
from .shape import (
    Address,
    Domain,
    Email,
    Fingerprint,
    Hostname,
    Image,
    Label,
    Region,
    Shape,
    Size,
    Slug,
    UserName,
)
from .tunnel import Tunnel


class Operator(Shape):
    """Who keeps the fleet."""

    email: Email
    ssh_key: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=1000,
                description="path of a private key; without it one is made for the fleet",
            ),
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


class Services(Shape):
    """The services of a node, by name."""

    entries: ClassVar[str] = "service"

    task_api: TaskApi | None = None
    proxy: Proxy | None = None
    jupyterhub: JupyterHub | None = None
    dashboard: Dashboard | None = None
    notebook_api: NotebookApi | None = None

    def present(self) -> dict[str, Service]:
        """Return the services that are there, by name, in the order of the fields."""
        named = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: service for name, service in named.items() if service is not None}


@cache
def service_shapes() -> Mapping[str, type[Service]]:
    """Return the shapes of all services, by name."""
    hints = get_type_hints(Services, include_extras=True)
    return {
        name: next(kind for kind in get_args(hints[name]) if kind is not NoneType)
        for name in Services.__struct_fields__
    }


class Node(Shape):
    """One machine and what runs on it."""

    size: Size = ""
    image: Image = ""
    address: Address = ""
    user: UserName = "root"
    port: Annotated[int, Meta(ge=1, le=65535, description="the port of its sshd")] = 22
    host_key: Fingerprint | None = None
    gateway: Annotated[Label, Meta(description="the node through which it is reached")] | None = None
    region: Region | None = None
    hostname: Hostname | None = None
    ipv6: Annotated[bool, Meta(description="whether it gets an IPv6 address and AAAA records, too")] = True
    webserver: Annotated[
        Literal["nginx", "apache"], Meta(description="the web server of its sites, nginx or apache")
    ] = "nginx"
    services: Services = field(default_factory=Services)


class Fleet(Shape, kw_only=True):
    """One inventory file."""

    fleet: Label
    domain: Domain
    provider: Annotated[
        Literal["local", "digitalocean", "existing"],
        Meta(description="local, digitalocean or existing"),
    ]
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
