"""jupyterhub: JupyterHub with a JupyterLab for each user, who is an account of the node."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from ..inventory.services.jupyterhub import JupyterHub
from ..node.locks import merged
from ..node.releases.home import ROOT as HUB
from ..node.resources import (
    Absent,
    Command,
    Directory,
    File,
    Group,
    HubUsers,
    Packages,
    PythonEnv,
    Resource,
    Tree,
    Unit,
    User,
)
from ..node.users import names, put
from ..node.users.accounts import ADMINS, MEMBERS, USERS
from ..node.users.hub_api import TOKEN
from ..node.users.places import HOMES, PACKAGES, SETTINGS, SLICE, STATE
from ..render import render
from ..secrets.model import newest, service_key
from ..steps import web
from ..steps.content import Content, Inside, Route
from ..steps.context import Context
from ..steps.npm import npm_folder, npm_program
from ..steps.released import web_socket
from ..steps.runtime import UV, runtime
from ..steps.sites import site
from ..steps.tunnel import Question
from ..steps.units import unit_files
from .recipe import Place, Recipe

NAME = "jupyterhub"
_DASHBOARD = "dashboard"
USERS_LOCK = f"{NAME}_users.lock"
"""The runtime's lock of what every user has."""
ROOT = f"{HUB}/{NAME}"
CONFIG = f"/etc/{NAME}"
_PROXY = f"{NAME}-proxy"
_DOOR = f"{NAME}-door"
_PORT, _API_PORT, _DOOR_PORT, _HUB_PORT = 8000, 8001, 8081, 581
"""The hub's own is one of root's: a user who had it while the hub starts would be told passwords and tokens."""
HUB_URL = f"http://127.0.0.1:{_DOOR_PORT}"
"""Where all ask the hub: at a door, where they wait while it is being started."""
_OWN_URL = f"http://127.0.0.1:{_HUB_PORT}"
MADE = "# Made by hubctl; the next deploy undoes changes made here.\n"
SAVES_PORT = 8010
_SAVES = f"http://127.0.0.1:{SAVES_PORT}/services/{_DASHBOARD}/events"
"""Where users' servers tell the dashboard of saves: on the node, without the way round by the web."""
_LAB = "/usr/local/share/jupyter/labextensions/hub-home"
_LOADED = "/etc/jupyter/jupyter_server_config.d/hub_home.json"
_BESIDE = ("login.py", "password_page.py", "page.html", "503.html")
"""What the hub's configuration uses."""
_PULL, _COURSE = f"{ROOT}/materials.py", f"{ROOT}/course"
_MAX_BODY = 256_000_000
"""Bytes: a notebook is saved in one request, with the pictures in it."""
_DAY = 86_400
_AWAY = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta http-equiv="refresh" content="3"><title>One moment</title>'
    "<h1>One moment</h1><p>The hub is being started. This page asks again by itself.</p></html>"
)


def _steps(ctx: Context, service: JupyterHub) -> list[Resource]:
    """Return hub, proxy and users' programs, which change and restart apart from each other."""
    return [
        *web.base(ctx),
        Packages(("curl",)),
        Group(USERS, MEMBERS),
        Group(ADMINS, MEMBERS),
        Directory("/var/lib/hub"),
        Directory(STATE, 0o700),
        Directory(ROOT),
        *runtime(ctx),
        *_for_users(ctx, service),
        *_proxy(ctx, service),
        *_hub(ctx, service),
        *web.website(ctx, NAME, _content(ctx, service)),
        *_people(service),
    ]


def _content(ctx: Context, service: JupyterHub) -> Content:
    """Return what the hub's site offers. A kernel that computes says nothing for a long time."""
    proxied = Route(f"127.0.0.1:{_PORT}", silence=_DAY, live=True, websockets=True, again=True)
    # What asks for a password, and what knows who somebody is, is at the hub's own name alone.
    own = (replace(proxied, path="/hub/", above=True),) if service.subdomains else ()
    routes: tuple[Route, ...] = (*own, proxied)
    inside: tuple[Inside, ...] = ()
    if ctx.node.services.dashboard:
        folder, socket = f"/services/{_DASHBOARD}/", web_socket(_DASHBOARD)
        # Live pages: what they are told comes for as long as they are open.
        routes = (Route(socket, folder, silence=3600, live=True, framed=True, above=True), *routes)
        # Users' servers tell it of saves; each says who it is by its token. Here it is asked how it is, too.
        paths = (f"{folder}events", f"{folder}health")
        inside = (Inside(SAVES_PORT, socket, paths, max_body=32_768),)
    # Jupyter's server sends a file only to pages of its own, which it knows by the referrer.
    return Content(routes, max_body=_MAX_BODY, inside=inside, referrer="same-origin", away=_AWAY)


def _people(service: JupyterHub) -> list[Resource]:
    """Return the accounts of those whom the inventory names: last, since a name that cannot be stops nothing else."""
    named = service.admins or service.users
    return [HubUsers(service.admins, service.users)] if named else []


def _for_users(ctx: Context, service: JupyterHub) -> list[Resource]:
    """Return what users' servers run, how they are set, and the bounds of all of them together."""
    overrides = {"@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": service.autosave}}
    return [
        PythonEnv(f"{ROOT}/users", merged(ctx.lock(USERS_LOCK), ctx.packages), UV, PACKAGES),
        Directory("/etc/jupyter"),
        Directory("/etc/jupyter/labconfig"),
        File("/etc/jupyter/labconfig/default_setting_overrides.json", _json(overrides)),
        *_beside_jupyter(ctx, service),
        *_materials(ctx, service),
        unit_files(f"{NAME}-users", {SLICE: render(f"systemd/{SLICE}")}),
        Unit(SLICE, enabled=False),
    ]


def _beside_jupyter(ctx: Context, service: JupyterHub) -> list[Resource]:
    """Return what has users' servers tell the dashboard of saves, and their users how full their homes are."""
    config, wanted = "/etc/jupyter/jupyter_server_config.py", service.disk or ctx.node.services.dashboard
    return [
        File(config, render(f"{NAME}/server_config.py", lab=_LAB)) if wanted else Absent(config),
        *(_fullness() if service.disk else [Absent(f"{_LAB}/package.json"), Absent(_LOADED)]),
    ]


def _fullness() -> list[Resource]:
    """Return an extension of JupyterLab, and of its server, that says how full the home is."""
    folders = (
        "/etc/jupyter/jupyter_server_config.d",
        "/usr/local/share/jupyter",
        str(Path(_LAB).parent),
        _LAB,
    )
    build = {"extension": True, "_build": {"load": "home.js", "extension": "./extension"}}
    package = {"name": "hub-home", "version": "1.0.0", "jupyterlab": build}
    return [
        *map(Directory, folders),
        File(f"{_LAB}/hub_home.py", render(f"{NAME}/hub_home/hub_home.py", found=HOMES)),
        File(f"{_LAB}/home.js", render(f"{NAME}/hub_home/home.js")),
        File(f"{_LAB}/package.json", _json(package)),
        File(_LOADED, _json({"ServerApp": {"jpserver_extensions": {"hub_home": True}}})),
    ]


def _materials(ctx: Context, service: JupyterHub) -> list[Resource]:
    """Return what puts the course into homes; users run it themselves, so it is for everybody to read."""
    if not service.materials:
        return []
    wanted = [{"repo": each.repo, "ref": each.ref, "to": each.to} for each in service.materials if each.repo]
    course = [Tree(_COURSE, sha256(ctx.course).hexdigest())] if ctx.course else [Absent(_COURSE)]
    return [
        *course,
        File(f"{ROOT}/put.py", MADE + Path(put.__file__).read_text()),
        Packages(("git",)),
        File(f"{ROOT}/materials.json", _json(wanted)),
        File(_PULL, render(f"{NAME}/materials.py")),
    ]


def _proxy(ctx: Context, service: JupyterHub) -> list[Resource]:
    """Return the proxy, whose connections are those of users: whatever happens to the hub, it runs on."""
    lock = ctx.lock(f"{_PROXY.replace('-', '_')}.package-lock.json")
    package = _json(json.loads(lock)["packages"][""])
    folder = npm_folder(f"{ROOT}/proxy", package, lock)
    node = PythonEnv(f"{ROOT}/node", ctx.lock(f"{NAME}_node.lock"), UV)
    token = f"{STATE}/proxy.token"
    made = _made(_PROXY, token)
    program = npm_program(_PROXY, folder, npm=f"{node.path}/bin/npm", package=package, lock=lock)
    values = {"user": _PROXY, "token": token, "node": node.path, "proxy": folder, "hub": HUB_URL}
    values["hosts"] = "yes" if service.subdomains else ""
    text = render(f"systemd/{_PROXY}.service", port=_PORT, api_port=_API_PORT, **values)
    unit = unit_files(_PROXY, {f"{_PROXY}.service": text})
    causes = (program[-1].id, made.id, unit.id)
    return [User(_PROXY), node, *program, made, unit, Unit(f"{_PROXY}.service", restart_on=causes)]


def _hub(ctx: Context, service: JupyterHub) -> list[Resource]:
    """Return the hub: one process with one database."""
    env = PythonEnv(f"{ROOT}/hub", ctx.lock(f"{NAME}.lock"), UV)
    config = File(f"{CONFIG}/jupyterhub_config.py", render(f"{NAME}/jupyterhub_config.py"))
    settings = File(SETTINGS, _settings(ctx, service), 0o600)
    places = {"root": ROOT, "state": STATE, "config": CONFIG, "hub": _OWN_URL}
    edition = File(f"{CONFIG}/edition.py", render(f"{NAME}/edition.py", **places))
    text = render(f"systemd/{NAME}.service", state=STATE, edition=edition.path)
    unit = unit_files(NAME, {f"{NAME}.service": text})
    door = {
        name: render(f"systemd/{name}", door_port=_DOOR_PORT, hub_port=_HUB_PORT)
        for name in (f"{_DOOR}.socket", f"{_DOOR}.service")
    }
    doors = unit_files(_DOOR, door)
    token = _made(f"{NAME}-users", f"{STATE}/{TOKEN}")
    beside = [File(f"{CONFIG}/{name}", render(f"{NAME}/{name}")) for name in _BESIDE]
    beside.append(File(f"{CONFIG}/homes.py", render(f"{NAME}/homes.py", found=HOMES)))
    dashboard = _dashboard(ctx)
    files = (config, settings, *beside, dashboard)
    causes = (env.id, *(file.id for file in files), unit.id, token.id, f"command:{_PROXY}-token")
    return [
        env,
        Directory(CONFIG),
        config,
        settings,
        edition,
        token,
        *beside,
        dashboard,
        File(f"/etc/pam.d/{NAME}", render(f"{NAME}/pam")),
        *_passwords(),
        unit,
        doors,
        Unit(f"{_DOOR}.socket"),
        Unit(f"{NAME}.service", restart_on=causes),
        Unit(f"{_DOOR}.service", enabled=False, restart_on=(doors.id,)),
    ]


def _passwords() -> list[Resource]:
    """Return what changes a user's password for the hub, which itself cannot write the node's tables."""
    name = f"{NAME}-passwd"
    unit = unit_files(
        name,
        {
            f"{name}.socket": render(f"systemd/{name}.socket"),
            f"{name}@.service": render(f"systemd/{name}@.service", root=ROOT, config=CONFIG),
        },
    )
    return [
        File(f"{CONFIG}/names.py", MADE + Path(names.__file__).read_text()),
        File(f"{CONFIG}/passwd.py", render(f"{NAME}/passwd.py")),
        unit,
        Unit(f"{name}.socket", restart_on=(unit.id,)),
    ]


def _made(name: str, path: str) -> Command:
    """Return what makes a token on the node, which nobody else has to know."""
    return Command(f"{name}-token", ("openssl", "rand", "-hex", "-out", path, "32"), creates=path)


def _settings(ctx: Context, service: JupyterHub) -> str:
    """Return what `jupyterhub_config.py` reads."""
    return _json(
        {
            "url": f"https://{site(ctx, NAME).name}/",
            "subdomains": service.subdomains,
            "state": STATE,
            "hub": HUB_URL,
            "hub_itself": _OWN_URL,
            "proxy": f"http://127.0.0.1:{_PORT}",
            "proxy_api": f"http://127.0.0.1:{_API_PORT}",
            "users": USERS,
            "admins": ADMINS,
            "slice": SLICE,
            "server": f"{ROOT}/users/bin/jupyterhub-singleuser",
            "path": f"{ROOT}/users/bin:/usr/local/bin:/usr/bin:/bin",
            "default_url": service.default_url,
            "memory": service.memory,
            "cpu": service.cpu,
            "processes": service.processes,
            "before": f"{ROOT}/users/bin/python {_PULL}" if service.materials else "",
            "disk": _megabytes(service.disk) if service.disk else 0,
            "idle_timeout": service.idle_timeout,
            "dashboard": _SAVES if ctx.node.services.dashboard else "",
        }
    )


def _megabytes(amount: str) -> int:
    return int(amount[:-1]) * {"M": 1, "G": 1024}[amount[-1]]


def _dashboard(ctx: Context) -> Resource:
    """Return the token by which the dashboard asks the hub who somebody is."""
    path = f"{CONFIG}/{_DASHBOARD}.key"
    if ctx.node.services.dashboard is None:
        return Absent(path)
    token = newest(ctx.keys.get(service_key(_DASHBOARD), ()))
    return File(path, f"{token.reveal() if token else ''}\n", 0o600, secret=True)


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _get(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


RECIPE = Recipe(
    NAME,
    JupyterHub,
    _steps,
    places={
        NAME: Place(_DOOR_PORT, Question(_get("/hub/health"), "HTTP/1.1 200")),
        _PROXY: Place(_PORT, Question(_get("/_chp_healthz"), "HTTP/1.1 200")),
    },
    alone=(SLICE,),
    released=False,
)
