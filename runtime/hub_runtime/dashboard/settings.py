"""Settings of the service."""

from __future__ import annotations

import msgspec

from ..settings import Positive


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept, and how large what comes may be.

    Attributes:
        events: kept in all; the oldest go first.
        events_of_one: kept of one user, who so pushes out only their own.
        bytes: of all events with their summaries.
        body_bytes: of one request.
        notebook_bytes: of a notebook that is still rendered.
        summary_bytes: of one summary; what is too much for it is left out and said.
        whole_bytes: of a notebook that somebody opened as a whole.
        streams: live pages that are served at once; more are told to come back later.
    """

    events: Positive = 50_000
    events_of_one: Positive = 1_000
    bytes: Positive = 512_000_000
    body_bytes: Positive = 32_000
    notebook_bytes: Positive = 20_000_000
    summary_bytes: Positive = 2_000_000
    whole_bytes: Positive = 16_000_000
    streams: Positive = 100


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times are in seconds.

    Attributes:
        database: file of the store.
        token: the service's own token at the hub, which is its OAuth secret, too; without one nobody can log in.
        hub_api: where this service reaches the hub's API.
        hub: the hub's pages, as browsers see them.
        prefix: where browsers see this service.
        name: what the hub calls this service.
        homes: the folder of the users' homes.
        fullness: the folder in which the hub says how full homes are.
        users: the group of accounts that may use the hub.
        admins: the group of those among them who are no learners.
        secure: whether browsers come over HTTPS alone, and cookies are to.
        below: whether users' servers have names below that of this site.
        active: who saved so lately is at work.
        admin: the socket at which the node is asked for what admins want.
        identity: how long the hub's word on a token is believed.
    """

    database: str = "/var/lib/hub/dashboard/dashboard.sqlite"
    token: str = ""
    hub_api: str = "http://127.0.0.1:8081/hub/api"
    hub: str = "/hub/"
    prefix: str = "/services/dashboard/"
    name: str = "dashboard"
    homes: str = "/home"
    fullness: str = "/run/jupyterhub-homes"
    users: str = "hub-users"
    admins: str = "hub-admins"
    admin: str = "/run/dashboard-admin.sock"
    secure: bool = True
    below: bool = False
    active: Positive = 300
    identity: Positive = 30
    limits: Limits = Limits()
