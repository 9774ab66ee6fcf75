"""The change-over from one release to the next: start, prove, switch, drain, stop.

One that is not healthy gets no traffic.
At every moment what is enabled and where `current` points make a working service, so that a reboot is harmless; and
every step may be done twice, so that a killed run is simply taken up again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..errors import NodeError, from_os_error
from ..run import Run
from ..stopping import stop
from ..systemd import UnitState
from .build import prune
from .home import Home
from .probe import Response, get
from .served import UNHEALTHY, Served
from .unit_files import install

_ATTEMPT_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
_TAKEOVER_SECONDS = 10.0


class Switch:
    """One change-over.

    Args:
        run: the run.
        release: the release that shall serve; it is built.
    """

    def __init__(self, run: Run, release: Served) -> None:
        self._run = run
        self._units = run.units
        self._home = Home(run, release.service)
        self._release = release
        # Each has its own units, which need not be those of this one.
        self._others = self._home.others(release)

    def over(self, *, deployed: bool, renewed: bool = False) -> None:
        """Make the release the one that serves, and the only one.

        Args:
            deployed: True for a deploy, which makes it the newest; False for a rollback.
            renewed: it was just built, and what runs of it is from before.

        Raises:
            NodeError: it is not healthy; the former release serves as before.
        """
        run, home, service, name = self._run, self._home, self._release.service, self._release.release
        former = run.journal.begin_switch(service, name, home.current())
        install(run, home, name)
        run.daemon_reload()
        try:
            if renewed:
                self._end_what_is_from_before()
            self._start()
            run.stage("started")
            self._prove()
            run.stage("healthy")
            self._enable()
            home.point_to(name)
            run.stage("switched")
            self._take_over()
        except (NodeError, OSError) as error:
            if former != name:
                raise self._fall_back(former, error) from error
            raise
        self._retire_others()
        run.stage("drained")
        if deployed:
            home.note_deploy(name, former)
        run.journal.end_switch(service)
        prune(run, home, self._release, {*home.order()[-self._release.keep :], *self._still_busy()})

    def _end_what_is_from_before(self) -> None:
        """Stop what runs from files that are no more; systemd holds requests back meanwhile."""
        stop(self._run, self._release.units, "it was built again")

    def _start(self) -> None:
        states = self._units.now(*self._release.units)
        if fallen := [state.name for state in states if state.failed]:
            self._units.act("reset-failed", *fallen)
        stopped = [state.name for state in states if not state.running]
        for name in stopped:
            self._run.acted(name, "start", [f"release {self._release.release}"])
        if stopped:
            self._units.act_later("start", *stopped)

    def _prove(self) -> None:
        """Wait until the release answers and its workers are up.

        Raises:
            NodeError: it failed, or did not in time.
        """
        release = self._release
        before = {state.name: state.restarts for state in self._units.now(*release.units)}
        deadline = time.monotonic() + release.probe_timeout
        while True:
            answer = self._ask()
            states = self._units.now(*release.units)
            if answer.status == 200 and all(state.running for state in states):
                return
            crashed = any(state.failed or state.restarts > before[state.name] for state in states)
            if crashed or time.monotonic() > deadline:
                raise self._unhealthy(answer, states)
            said = states[0].describe() if states else answer.body
            self._run.progress(f"waiting for {release.release}: {said}")
            time.sleep(_PAUSE_SECONDS)

    def _ask(self) -> Response:
        if not self._release.probe_socket:
            return Response(200, "")
        address = self._run.path(self._release.probe_address)
        return get(str(address), self._release.probe_path, _ATTEMPT_SECONDS)

    def _enable(self) -> None:
        """Have it started at boot, before it serves: then both are, and `current` decides."""
        names = [name for name in self._release.units if self._units.wants_enabling(name)]
        if names:
            self._units.act("enable", *names)

    def _take_over(self) -> None:
        """Lead all requests to the release, and let the web processes of the others finish theirs.

        Raises:
            NodeError: nobody answers where requests come in.
        """
        if not self._release.web:
            return
        olds = self._other_webs()
        if self._release.shares_socket:
            self._look_who_serves(olds)
        self._run.stage("reloaded")
        self._see_open()
        for old in olds:
            self._drain(old.web_unit, old.drain_timeout)
        self._see_open()

    def _look_who_serves(self, olds: Iterable[Served]) -> None:
        """Let the release, and then those before it, look where `current` points."""
        mine = self._release.web_unit
        self._run.acted(mine, "reload", ["it serves now"])
        self._units.act("reload", mine)
        self._prove()
        # One whose folder is gone cannot be asked to look: it serves on until it is stopped.
        there = [old.web_unit for old in olds if self._home.built(old.release)]
        for state in self._units.now(*there):
            if state.running:
                self._units.act("reload", state.name)

    def _see_open(self) -> None:
        """See that requests are answered where they come in."""
        address = self._door()
        if not address:
            return
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        while True:
            answer = get(address, self._release.probe_path, _ATTEMPT_SECONDS)
            if answer.status == 200:
                return
            if time.monotonic() > deadline:
                said = Response(answer.status, f"at {address}, where requests come in: {answer.body}")
                raise self._unhealthy(said, self._units.now(*self._release.units))
            time.sleep(_PAUSE_SECONDS)

    def _door(self) -> str:
        """Return where requests come in, or nothing where that is not known."""
        if not self._release.shares_socket:
            return str(self._home.door())
        address, _, kind = self._units.now(f"{self._release.web}.socket")[0].listen.rpartition(" ")
        return address if kind == "(Stream)" else ""

    def _drain(self, unit: str, seconds: int) -> None:
        """Stop a unit gracefully; one that takes longer is killed."""
        if not _busy(self._units.now(unit)[0]):
            return
        self._stop(unit)
        deadline = time.monotonic() + seconds
        while _busy(self._units.now(unit)[0]):
            if time.monotonic() > deadline:
                self._units.act("kill", unit)
                return
            self._run.progress(f"{unit} finishes its requests")
            time.sleep(_PAUSE_SECONDS)

    def _stop(self, unit: str) -> None:
        self._run.acted(unit, "stop", ["another release serves now"])
        self._units.act_later("stop", unit)

    def _other_webs(self) -> list[Served]:
        """Return the other releases whose web process runs or would at boot."""
        webs = [other for other in self._others if other.web]
        states = self._units.now(*(other.web_unit for other in webs))
        return [
            other
            for other, state in zip(webs, states)
            if state.running or self._units.enabled(other.web_unit)
        ]

    def _retire_others(self) -> None:
        """Stop and disable what other releases have left; workers finish what they hold."""
        units = [unit for other in self._others for unit in other.units]
        for state in self._units.now(*units):
            if state.running:
                self._stop(state.name)
        enabled = [unit for unit in units if self._units.enabled(unit)]
        if enabled:
            self._units.act("disable", *enabled)

    def _still_busy(self) -> list[str]:
        """Return the other releases that have a process which has not ended."""
        return [other.release for other in self._others if any(map(_busy, self._units.now(*other.units)))]

    def _fall_back(self, former: str, error: NodeError | OSError) -> NodeError:
        """Make the former release serve as before; return the error, with what could not be undone."""
        cause = error if isinstance(error, NodeError) else from_os_error(error)
        before = self._home.find(former) if former else None
        faults = []
        for step in (self._serve_again, self._leave):
            try:
                step(before)
            except (NodeError, OSError) as fault:  # noqa: PERF203
                known = fault if isinstance(fault, NodeError) else from_os_error(fault)
                faults.append(f"this could not be undone: {known.message}")
        if not faults:
            self._run.journal.end_switch(self._release.service)
        why = "\n".join(filter(None, [cause.why, *faults]))
        return NodeError(cause.code, cause.message, why=why, hint=cause.hint)

    def _serve_again(self, before: Served | None) -> None:
        if before is not None:
            down = [state.name for state in self._units.now(*before.units) if not state.running]
            if down:
                self._units.act("start", *down)
        if self._home.current() == self._release.release:
            self._home.point_to(before.release if before else "")
            if (
                before is not None
                and self._home.built(before.release)
                and before.web
                and before.shares_socket
            ):
                self._units.act("reload", before.web_unit)

    def _leave(self, before: Served | None) -> None:
        """Stop the release, or those beside it where `current` could not be led back: one of them serves."""
        if before is not None and self._home.current() == self._release.release:
            self._retire_others()
            return
        mine = self._release.units
        for name in mine:
            self._run.acted(name, "stop", ["the release is not healthy"])
        self._units.act_later("stop", *mine)
        enabled = [name for name in mine if self._units.enabled(name)]
        if enabled:
            self._units.act("disable", *enabled)

    def _unhealthy(self, answer: Response, states: list[UnitState]) -> NodeError:
        release = self._release
        said = f"{answer.status} {answer.body}" if answer.status else f"no answer ({answer.body})"
        parts = [f"probe: GET {release.probe_path} at {release.probe_address}: {said}"] if release.web else []
        sick = [
            state for state in states if state.name == release.web_unit or not state.running or state.restarts
        ]
        # What fell comes before what is only slow.
        sick.sort(key=lambda state: not (state.failed or state.restarts))
        for state in sick:
            parts += [state.describe(), self._units.journal(state.name)]
        unit = sick[0].name if sick else release.service
        return NodeError(
            UNHEALTHY,
            f"release {release.release} of {release.service} is not healthy",
            why="\n".join(filter(None, parts)),
            hint=f"on the node: journalctl -u {unit} -n 100; then correct it and deploy again",
        )


def _busy(state: UnitState) -> bool:
    return state.active not in ("inactive", "failed")
