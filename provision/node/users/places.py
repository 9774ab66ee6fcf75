"""Where a hub keeps what is its own on a node. The controller uses this too."""

from __future__ import annotations

STATE = "/var/lib/hub/jupyterhub"
SETTINGS = "/etc/jupyterhub/settings.json"
"""What the hub runs with: `hub_itself`, its own URL, `state`, the folder of its files, `disk` and more."""

HOMES = "/run/jupyterhub-homes"
"""Where the hub says how full homes are, a file for each user; the dashboard's own setting `fullness` is this."""

RESERVED = "/etc/jupyterhub/reserved.json"
"""The names of services, which no user may have."""

PACKAGES = f"{STATE}/packages.json"
"""What admins added in the browser to what users can import."""

SLICE = "jupyterhub-users.slice"
"""The unit whose bounds hold for all users' servers together."""
