# Made by hubctl; the next deploy undoes changes made here. What an inventory says is in settings.json beside it.
import asyncio
import json
import sys
from pathlib import Path

from jupyterhub.spawner import Spawner, SpawnException
from jupyterhub.utils import subdomain_hook_idna

sys.path.insert(0, str(Path(__file__).parent))
import homes  # type: ignore[import-not-found]
from login import Login

c = get_config()  # type: ignore[name-defined]  # noqa: F821  JupyterHub gives it
settings = json.loads(Path(__file__).with_name("settings.json").read_bytes())
state = Path(settings["state"])

# The proxy is a unit of its own, and users' servers are, too: none of them ends with the hub.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = settings["proxy_api"]
c.ConfigurableHTTPProxy.auth_token = (state / "proxy.token").read_text().strip()
# A proxy that starts anew knows no routes: this is how long it takes until it has them again.
c.JupyterHub.last_activity_interval = 5

c.JupyterHub.bind_url = settings["proxy"]
c.JupyterHub.hub_bind_url = settings["hub_itself"]
c.JupyterHub.hub_connect_url = settings["hub"]
c.JupyterHub.public_url = settings["url"]
if settings["subdomains"]:
    # Users' servers have names of their own; the hub's own services stay at the hub's.
    c.JupyterHub.subdomain_host = settings["url"].rstrip("/")
    c.JupyterHub.subdomain_hook = lambda name, domain, kind: (
        subdomain_hook_idna(name, domain, kind) if kind == "user" else domain
    )
    # What is on those names can set no cookie that the hub takes for its own.
    c.JupyterHub.cookie_host_prefix_enabled = True
c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.JupyterHub.upgrade_db = True
c.JupyterHub.log_level = "INFO"
c.Application.log_format = "%(levelname)s %(message)s"

# Who may log in is who is in these groups of the node: nothing here changes when somebody comes or goes.
c.JupyterHub.authenticator_class = Login
c.Authenticator.auth_refresh_age = 10
c.PAMAuthenticator.service = "jupyterhub"
c.PAMAuthenticator.open_sessions = False
c.PAMAuthenticator.allowed_groups = {settings["users"], settings["admins"]}
c.PAMAuthenticator.admin_groups = {settings["admins"]}
c.Authenticator.username_pattern = r"[a-z][a-z0-9_-]{0,31}"
c.Authenticator.allow_existing_users = False
c.Authenticator.delete_invalid_users = True

c.JupyterHub.spawner_class = "systemd"
c.SystemdSpawner.unit_name_template = "jupyter-{USERNAME}"
c.SystemdSpawner.slice = settings["slice"]
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.unit_extra_properties = {
    # A server that was killed is gone, and does not stay as a failed unit that nobody asks for.
    "CollectMode": "inactive-or-failed",
    "MemorySwapMax": "0",
    "TasksMax": str(settings["processes"]),
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "UMask": "0077",
}
if settings["before"]:
    # As the user, with these limits; what fails there keeps no server from starting.
    c.SystemdSpawner.unit_extra_properties["ExecStartPre"] = f"-{settings['before']}"
c.Spawner.cmd = [settings["server"]]
c.Spawner.environment = {"PATH": settings["path"]}
c.Spawner.default_url = settings["default_url"]
c.Spawner.mem_limit = settings["memory"]
c.Spawner.cpu_limit = settings["cpu"]
c.Spawner.http_timeout = 60
c.Spawner.start_timeout = 60
# Seconds until the hub sees that a server was killed, and offers to start it again.
c.Spawner.poll_interval = 5


async def within_the_limit(spawner: Spawner) -> None:
    """Start no server whose user's home is fuller than it may be, and say so, where no quota holds it."""
    home = await asyncio.to_thread(homes.look, spawner.user.name, settings["disk"] << 20, state)
    if home["used"] > home["limit"] and not home["held"]:
        raise SpawnException(
            f"Your home holds {homes.amount(home['used'])}, more than the {homes.amount(home['limit'])} that it "
            "may: ask whoever looks after this hub to make room in it, or to raise the limit.",
            reason="disk",
        )


c.JupyterHub.services = []
if settings["disk"]:
    c.Spawner.pre_spawn_hook = within_the_limit
    looks = [sys.executable, homes.__file__, settings["users"], str(settings["disk"] << 20), str(state)]
    c.JupyterHub.services.append({"name": "homes", "command": looks, "display": False})
else:
    homes.lift(state)

# The hub's own pages, with what hubctl adds to each.
c.JupyterHub.template_paths = [str(Path(__file__).parent)]
c.JupyterHub.template_vars = {
    "dashboard": bool(settings["dashboard"]),
    "home_full": lambda user: homes.nearly_full(user.name) if user and settings["disk"] else "",
}

# By this the node has the hub forget who is removed (`hubctl users remove`).
token = (state / "users.token").read_text().strip()
page = Path(__file__).with_name("password_page.py")
c.JupyterHub.services += [
    {"name": "hubctl-users", "api_token": token, "display": False},
    {
        "name": "password",
        "url": "http://127.0.0.1:582",  # of root's ports, as the hub's own
        "command": [sys.executable, str(page)],
        "oauth_no_confirm": True,
    },
]
c.JupyterHub.load_roles = [
    {"name": "hubctl-users", "scopes": ["delete:users"], "services": ["hubctl-users"]},
    # Pages of services; each of them looks at who it is.
    {"name": "user", "scopes": ["self", "access:services"]},
]
if settings["idle_timeout"]:
    idle = settings["idle_timeout"]
    often = f"--cull-every={max(idle // 10, 5)}"
    culler = [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={idle}", often]
    c.JupyterHub.services.append({"name": "idle-culler", "command": culler})
    c.JupyterHub.load_roles.append(
        {
            "name": "idle-culler",
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
            "services": ["idle-culler"],
        }
    )

# Trainers see everybody on the dashboard: admins do, and whoever is given the scope.
if settings["dashboard"]:
    view = "custom:dashboard:view"
    c.JupyterHub.custom_scopes = {view: {"description": "See what everybody does, on the dashboard."}}
    c.JupyterHub.services.append(
        {
            "name": "dashboard",
            "api_token": Path("/etc/jupyterhub/dashboard.key").read_text().strip(),
            "oauth_redirect_uri": "/services/dashboard/oauth_callback",
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": [view],
        }
    )
    c.Spawner.environment["HUB_EVENTS"] = settings["dashboard"]
