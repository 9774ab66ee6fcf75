"""The change-over from one release to the next: start, prove, switch, drain, stop.

One that is not healthy gets no traffic.
At every moment what is enabled and where `current` points make a working service, so that a reboot is harmless; and
every step may be done twice, so that a killed run is simply taken up again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import NodeError
from ..run import Run
from ..systemd import UnitState
from .build import prune
from .home import Home
from .probe import Answer, get
from .unit_files import install

if TYPE_CHECKING:
    from ..resources.release import Release

_ATTEMPT_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
_TAKEOVER_SECONDS = 10.0


def switch(run: Run, release: Release, *, deployed: bool = True) -> None:
    """Make a built release the one that serves, and the only one.

    Args:
        run: the run.
        release: the release.
        deployed: True for a deploy, which makes it the newest; False for a rollback.

    Raises:
        NodeError: it is not healthy; the former release serves as before.
    """
    home = Home(run, release.service)
    former = run.journal.begin_switch(release.service, release.release, home.current())
    install(run, home, release.release)
    run.daemon_reload()
    try:
        _start(run, release)
        run.stage("started")
        _prove(run, release)
        run.stage("healthy")
        _enable(run, release)
        home.point_to(release.release)
        run.stage("switched")
        _take_over(run, release)
    except NodeError:
        if former != release.release:
            _fall_back(run, home, release, former)
            run.journal.end_switch(release.service)
        raise
    if deployed:
        home.note_deploy(release.release, former)
    _retire(run, home, release)
    run.stage("drained")
    run.journal.end_switch(release.service)
    active = {name for name in home.all() if any(_busy(state) for state in _states(run, release, name))}
    prune(run, home, {*home.order()[-release.keep :], release.release, *active})


def _busy(state: UnitState) -> bool:
    return state.active not in ("inactive", "failed")


def _states(run: Run, release: Release, name: str) -> list[UnitState]:
    return run.units.now(*release.units_of(name))


def _start(run: Run, release: Release) -> None:
    units = release.units_of(release.release)
    stopped = [state.name for state in run.units.now(*units) if not state.running]
    for name in stopped:
        run.acted(name, "start", [f"release {release.release}"])
    if stopped:
        run.units.act_later("start", *stopped)


def _prove(run: Run, release: Release) -> None:
    """Wait until the release answers and its workers are up.

    Raises:
        NodeError: it failed, or did not in time.
    """
    names = release.units_of(release.release)
    before = {state.name: state.restarts for state in run.units.now(*names)}
    deadline = time.monotonic() + release.probe_timeout
    while True:
        answer = _ask(run, release)
        states = run.units.now(*names)
        if answer.status == 200 and all(state.running for state in states):
            return
        crashed = any(state.failed or state.restarts > before[state.name] for state in states)
        if crashed or time.monotonic() > deadline:
            raise _unhealthy(run, release, answer, states)
        run.progress(f"waiting for {release.release}: {states[0].describe() if states else answer.body}")
        time.sleep(_PAUSE_SECONDS)


def _ask(run: Run, release: Release) -> Answer:
    if not release.probe_socket:
        return Answer(200, "")
    return get(str(run.path(release.probe_address())), release.probe_path, _ATTEMPT_SECONDS)


def _unhealthy(run: Run, release: Release, answer: Answer, states: list[UnitState]) -> NodeError:
    said = f"{answer.status} {answer.body}" if answer.status else f"no answer ({answer.body})"
    parts = [f"probe: GET {release.probe_path} at {release.probe_address()}: {said}"] if release.web else []
    web = release.web_unit(release.release)
    sick = [state for state in states if state.name == web or not state.running or state.restarts]
    # What fell comes before what is only slow.
    sick.sort(key=lambda state: not (state.failed or state.restarts))
    for state in sick:
        parts += [state.describe(), run.units.journal(state.name)]
    unit = sick[0].name if sick else release.service
    return NodeError(
        "release-unhealthy",
        f"release {release.release} of {release.service} is not healthy",
        why="\n".join(filter(None, parts)),
        hint=f"on the node: journalctl -u {unit} -n 100; then correct it and deploy again",
    )


def _enable(run: Run, release: Release) -> None:
    """Have it started at boot, before it serves: then both are, and `current` decides."""
    names = [name for name in release.units_of(release.release) if run.units.wants_enabling(name)]
    if names:
        run.units.act("enable", *names)


def _others(run: Run, home: Home, release: Release) -> list[str]:
    """Return the other releases' units that run or would at boot."""
    names = [name for other in home.all() if other != release.release for name in release.units_of(other)]
    return [state.name for state in run.units.now(*names) if state.running or run.units.enabled(state.name)]


def _take_over(run: Run, release: Release) -> None:
    """Let the release, and then those before it, look which one serves; see that this one does.

    Raises:
        NodeError: nobody answers at the shared socket.
    """
    if not release.web:
        return
    mine = release.web_unit(release.release)
    run.acted(mine, "reload", ["it serves now"])
    run.units.act("reload", mine)
    _prove(run, release)
    home = Home(run, release.service)
    olds = [name for name in _others(run, home, release) if name.startswith(f"{release.web}@")]
    for state in run.units.now(*olds):
        if state.running:
            run.units.act("reload", state.name)
    run.stage("reloaded")
    _see_shared(run, release)
    for name in olds:
        _drain(run, name, release.drain_timeout)
    _see_shared(run, release)


def _see_shared(run: Run, release: Release) -> None:
    listen = run.units.now(f"{release.web}.socket")[0].listen
    address, _, kind = listen.rpartition(" ")
    if kind != "(Stream)":
        return
    deadline = time.monotonic() + _TAKEOVER_SECONDS
    while True:
        answer = get(address, release.probe_path, _ATTEMPT_SECONDS)
        if answer.status == 200:
            return
        if time.monotonic() > deadline:
            states = run.units.now(*release.units_of(release.release))
            raise _unhealthy(
                run, release, Answer(answer.status, f"at the shared socket {address}: {answer.body}"), states
            )
        time.sleep(_PAUSE_SECONDS)


def _drain(run: Run, name: str, seconds: int) -> None:
    """Stop a unit gracefully; one that takes longer is killed."""
    if not _busy(run.units.now(name)[0]):
        return
    run.acted(name, "stop", ["another release serves now"])
    run.units.act_later("stop", name)
    deadline = time.monotonic() + seconds
    while _busy(run.units.now(name)[0]):
        if time.monotonic() > deadline:
            run.units.act("kill", name)
            return
        run.progress(f"{name} finishes its requests")
        time.sleep(_PAUSE_SECONDS)


def _retire(run: Run, home: Home, release: Release) -> None:
    """Stop and disable what other releases have left; workers finish what they hold."""
    for name in _others(run, home, release):
        if run.units.now(name)[0].running:
            run.acted(name, "stop", ["another release serves now"])
            run.units.act_later("stop", name)
    enabled = [name for name in _others(run, home, release) if run.units.enabled(name)]
    if enabled:
        run.units.act("disable", *enabled)


def _fall_back(run: Run, home: Home, release: Release, former: str) -> None:
    """Make the former release serve as before."""
    if former and former != release.release and home.built(former):
        down = [state.name for state in _states(run, release, former) if not state.running]
        if down:
            run.units.act("start", *down)
    if home.current() == release.release:
        home.point_to(former)
        if former and release.web:
            run.units.act("reload", release.web_unit(former))
    mine = release.units_of(release.release)
    for name in mine:
        run.acted(name, "stop", ["the release is not healthy"])
    run.units.act_later("stop", *mine)
    enabled = [name for name in mine if run.units.enabled(name)]
    if enabled:
        run.units.act("disable", *enabled)
