"""notebook_api in the inventory."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ..shape import Origin
from .service import WebService

BUNDLED = "classroom"


class NotebookApi(WebService):
    """A notebook whose annotated cells answer HTTP requests.

    Without a host name it is reached through a tunnel alone.
    """

    notebook: Annotated[
        str,
        Meta(
            pattern=rf"^({BUNDLED}|[^\x00-\x1f]+\.ipynb)$",
            max_length=1000,
            description=f"{BUNDLED}, or the path of a notebook, relative to the inventory",
        ),
    ] = BUNDLED
    kernels: Annotated[
        int, Meta(ge=1, le=32, description="requests that are answered at once, each by a kernel, 1 to 32")
    ] = 4
    timeout: Annotated[
        int,
        Meta(
            ge=1, le=3600, description="seconds a request may take, unless its cell says otherwise, 1 to 3600"
        ),
    ] = 60
    request_bytes: Annotated[
        int, Meta(ge=1000, le=64_000_000, description="bytes of one request, 1,000 to 64,000,000")
    ] = 2_000_000
    cors_origins: Annotated[
        tuple[Origin, ...], Meta(description="web origins whose pages may call the API, or *")
    ] = ()
    token: Annotated[
        bool,
        Meta(description="whether a token, kept among the secrets, opens the endpoints that ask for one"),
    ] = False
