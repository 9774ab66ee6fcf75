"""What all parts of an inventory are made of: the base of their shapes, and the kinds of single values."""

from __future__ import annotations

from typing import Annotated, ClassVar, dataclass_transform

from msgspec import Meta, Struct, field, inspect

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
ServiceName = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=32, description="the name of a service")
]
Address = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]+$",
        max_length=253,
        description="a DNS name, IPv4 or IPv6 address",
    ),
]
Fingerprint = Annotated[
    str,
    Meta(
        pattern=r"^SHA256:[A-Za-z0-9+/]{43}$",
        description="a host key's fingerprint as ssh shows it, SHA256:…",
    ),
]
UserName = Annotated[
    str, Meta(pattern=r"^[a-z_][a-z0-9_-]{0,31}$", description="the name of a user of the host")
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

    entries: ClassVar[str] = "key"
    """What its fields are to the reader, for mistakes."""


def struct_fields(cls: type[Struct]) -> tuple[inspect.Field, ...]:
    """Return the fields of a part with their kinds."""
    kind = inspect.type_info(cls)
    return kind.fields if isinstance(kind, inspect.StructType) else ()
