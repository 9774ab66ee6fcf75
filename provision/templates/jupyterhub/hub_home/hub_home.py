# Made by hubctl; the next deploy undoes changes made here.
"""For JupyterLab: how full the home is of whoever the server belongs to, as the hub found it."""

import os
from pathlib import Path

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

_FOUND = Path("{{ found }}")


class _Home(APIHandler):
    """`GET hub-home`: `used` and `limit` in bytes; nothing where nobody has looked yet."""

    @authenticated
    def get(self) -> None:
        """Answer."""
        try:
            self.finish((_FOUND / os.environ["JUPYTERHUB_USER"]).read_bytes())
        except (OSError, KeyError):
            self.finish({})


def _jupyter_server_extension_points() -> list:  # type: ignore[type-arg]
    return [{"module": "hub_home"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    base = server.web_app.settings["base_url"]
    server.web_app.add_handlers(".*$", [(url_path_join(base, "hub-home"), _Home)])
