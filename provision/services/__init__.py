"""The services that hubctl knows, one file each; what is said of all of them follows from this list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..inventory.model import Node
from ..steps.tunnel import TunnelTarget
from .dashboard import RECIPE as DASHBOARD
from .jupyterhub import RECIPE as JUPYTERHUB
from .notebook_api import RECIPE as NOTEBOOK_API
from .proxy import RECIPE as PROXY
from .recipe import Recipe
from .task_api import RECIPE as TASK_API

RECIPES: tuple[Recipe[Any], ...] = (
    TASK_API,
    PROXY,
    JUPYTERHUB,
    DASHBOARD,
    NOTEBOOK_API,
)
"""In the order in which a node gets them."""
TARGETS: Mapping[str, TunnelTarget] = {
    name: target for recipe in RECIPES for name, target in recipe.targets.items()
}
"""What tunnels can lead to."""


def secrets_of(node: Node) -> list[str]:
    """Return the names of the secrets that a node's services need."""
    return [
        name
        for recipe in RECIPES
        if (service := recipe.of(node)) is not None
        for name in recipe.secrets(service)
    ]
