"""Whose a request is."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address


def client_of(forwarded: str | None) -> str:
    """Whose a request is: an address, or of IPv6 the network that one customer has.

    Args:
        forwarded: what the web server says of its client; whoever asks on the node itself passes it by.
    """
    if forwarded is None:
        return "local"
    try:
        address = ip_address(forwarded)
    except ValueError:
        return "unknown"
    return str(address if address.version == 4 else IPv6Network((address, 64), strict=False))
