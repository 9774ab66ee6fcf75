"""What web servers say in JSON where they must answer themselves."""

from __future__ import annotations


def problems(max_body: int) -> tuple[tuple[int, str], ...]:
    """Return statuses with their messages.

    Args:
        max_body: bytes that the body of a request may have.
    """
    return (
        (400, "the request is not valid HTTP over TLS"),
        (404, "there is nothing here"),
        (405, "the method is not allowed"),
        (413, f"the request is larger than {max_body} bytes"),
        (414, "the address is too long"),
        (421, "the request is for another host"),
        (429, "too many requests: try again later"),
        (431, "the headers are too large"),
        (500, "the request failed"),
        (501, "the request needs what is not there"),
        (503, "the service does not answer: try again"),
        (505, "the version of HTTP is not supported"),
    )
