"""rollback: back to a release that is still here, without a network."""

from __future__ import annotations

from .. import venv
from ..errors import Interrupted, NodeError
from ..releases.home import Home, homes
from ..releases.switch import Switch
from ..request import Request, exclusively
from ..resources.base import Change
from ..run import Run
from ..tally import Tally


def rollback(request: Request) -> int:
    """Switch `service` (default: every service that has one) to the release `to` (default: the previous)."""
    service = str(request.manifest.get("service") or "")
    to = str(request.manifest.get("to") or "")

    def body(run: Run, tally: Tally) -> None:
        for index, home in enumerate(_chosen(run, service, to)):
            if run.peer.interrupted():
                raise Interrupted
            run.enter(index, f"release:{home.service}")
            _back(run, home, to or home.previous(), tally)
        # What only matters at boot was changed without telling systemd.
        run.daemon_reload(force=run.units.links_changed)

    return exclusively(request, body, 1)


def _chosen(run: Run, service: str, to: str) -> list[Home]:
    found = list(homes(run))
    if service:
        found = [home for home in found if home.service == service]
        if not found:
            raise NodeError(
                "unknown-service", f"{service} has no releases here", hint="see `hubctl releases`"
            )
    elif to:
        found = [home for home in found if home.built(to)]
        if not found:
            raise NodeError("unknown-release", f"there is no release {to} here", hint="see `hubctl releases`")
    chosen = [home for home in found if to or home.previous()]
    if not chosen:
        raise NodeError("no-release", "there is no release to go back to", hint="see `hubctl releases`")
    return chosen


def _flaws(home: Home, release: str) -> list[str]:
    environment = home.root / "envs" / home.environment_of(release)
    return [*home.flaws(release), *venv.flaws(environment)]


def _back(run: Run, home: Home, to: str, tally: Tally) -> None:
    if not home.folder(to).is_dir() or "." in to:
        known = ", ".join(home.all())
        raise NodeError("unknown-release", f"{home.service} has no release {to}", hint=f"here are: {known}")
    if flaws := _flaws(home, to):
        raise NodeError(
            "release-damaged",
            f"release {to} of {home.service} is damaged",
            why=", ".join(flaws),
            hint="go back to another: see `hubctl releases`; a deploy builds what the inventory says again",
        )
    release, name = home.read(to), f"release:{home.service}"
    former = home.current()
    if former == to:
        tally.note(name, "ok")
        return
    changes = [Change(f"switch {former or 'nothing'} → {to}")]
    try:
        Switch(run, release).over(deployed=False)
    except NodeError:
        tally.note(name, "failed")
        raise
    tally.note(name, "changed", changes)
    said = [{"what": change.what, "diff": ""} for change in changes]
    run.peer.emit("resource", id=name, status="changed", changes=said, seconds=0.0)
