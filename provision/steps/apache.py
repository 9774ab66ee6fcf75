"""Apache: the same sites as of any other web server, closed for names that the node does not serve."""

from __future__ import annotations

from collections.abc import Sequence

from ..node.resources import Absent, CheckedFiles, Command, Directory, File, Former, Packages, Resource, Unit
from ..render import render
from .context import Context
from .door import door
from .problems import problems
from .sites import Site, sites
from .tunnel_ends import near_ends
from .webserver import WebServer, site_paths

_FOLDER = "/etc/apache2"
_WELCOME = f"{_FOLDER}/sites-enabled/000-default.conf"
_EDGE = f"{_FOLDER}/hubctl-edge.conf"
_KEY, _CERTIFICATE = f"{_FOLDER}/hubctl-unknown.key", f"{_FOLDER}/hubctl-unknown.pem"
_ENTRY, _RULES = "hubctl-tunnels.service", "/etc/hubctl-tunnels.rules"
_MODULES = (
    "mpm_event",
    "authz_core",
    "alias",
    "deflate",
    "filter",
    "headers",
    "proxy",
    "proxy_http",
    "reqtimeout",
    "rewrite",
    "setenvif",
    "socache_shmcb",
    "ssl",
    "unique_id",
    "http2",
)


def _base(ctx: Context, former: Sequence[Resource]) -> list[Resource]:
    hosts = sites(ctx)
    key, certificate = _unknown()
    files = CheckedFiles("apache", _files(ctx, hosts), APACHE.check)
    changes = [cause for host in hosts for cause in APACHE.causes(host)]
    log = Directory("/var/log/apache2", 0o750, group="adm")
    return [
        Packages(("apache2",)),
        # Apache does not count requests of a client: the kernel counts its connections.
        *door(hosts, least=0),
        # The package's own: without it, it does not start.
        log,
        Directory(APACHE.webroot),
        *((key, certificate) if hosts else ()),
        files,
        *_tunnels(ctx),
        *former,
        Unit(APACHE.unit, reload_on=(files.id, log.id, *changes)),
    ]


def _unknown() -> tuple[Command, Command]:
    """Return what makes a certificate that nobody gets to see: handshakes for unknown names need one to fail."""
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    key = Command(
        "apache-unknown-key",
        ("openssl", "genpkey", *curve, "-out", _KEY),
        unless=("openssl", "pkey", "-in", _KEY, "-noout"),
    )
    subject = ("-subj", "/CN=unknown.invalid", "-days", "36500")
    certificate = Command(
        "apache-unknown-certificate",
        ("openssl", "req", "-x509", "-new", "-key", _KEY, *subject, "-out", _CERTIFICATE),
        unless=("openssl", "x509", "-in", _CERTIFICATE, "-noout"),
        on=(key.id,),
    )
    return key, certificate


def _files(ctx: Context, hosts: tuple[Site, ...]) -> tuple[File | Absent, ...]:
    names = [name for host in hosts for name in host.names]
    main = render("apache/apache2.conf", ipv6=ctx.node.ipv6, sites=hosts, modules=_MODULES)
    places = {"webroot": APACHE.webroot, "key": _KEY, "certificate": _CERTIFICATE}
    default = render("apache/default.conf", names=names, problems=problems(0), **places)
    return (
        File(f"{_FOLDER}/apache2.conf", main),
        File(_EDGE, render("apache/edge.conf")),
        File(f"{APACHE.sites}/00-default.conf", default),
        Absent(_WELCOME),
        *(Absent(path) for path in site_paths(ctx, APACHE, but=hosts)),
    )


def _tunnels(ctx: Context) -> list[Resource]:
    """Return what leads loopback ports into tunnels, which is no matter of Apache's."""
    ends = near_ends(ctx)
    path = f"/etc/systemd/system/{_ENTRY}"
    if not ends:
        return [Unit(_ENTRY, enabled=False, running=False), Absent(path), Absent(_RULES)]
    rules = File(_RULES, render("apache/tunnels.rules", tunnels=ends))
    file = File(path, render("systemd/tunnels.service", rules=_RULES))
    return [rules, file, Unit(_ENTRY, restart_on=(file.id,), reload_on=(rules.id,))]


def _former(ctx: Context) -> Former:
    files = {file.path for file in _files(ctx, ()) if isinstance(file, File)}
    tunnels = {f"/etc/systemd/system/{_ENTRY}", _RULES}
    gone = files | tunnels | {APACHE.hook, *site_paths(ctx, APACHE), _KEY, _CERTIFICATE}
    return Former(APACHE.name, _EDGE, _WELCOME, (APACHE.unit, _ENTRY), tuple(sorted(gone - {_EDGE})))


APACHE = WebServer(
    name="apache",
    unit="apache2.service",
    check=("/usr/sbin/apachectl", "configtest"),
    sites=f"{_FOLDER}/sites-enabled",
    webroot="/var/www/acme",
    reload_hook="certbot/reload_apache.sh",
    base=_base,
    former=_former,
    entry=_ENTRY,
)
