"""The engine's start: one request on stdin, events on stdout."""

from __future__ import annotations

import os
import sys

from .errors import Interrupted, NodeError
from .run import EXIT, Request, bug
from .session import Session
from .system import System

FORMAT = 1


def main(system: System | None = None) -> int:
    """Do what the operator asks for; return the exit status.

    Args:
        system: the machine, where it is not this one.
    """
    # Events alone may go where stdout went.
    sink = os.dup(1)
    os.dup2(2, 1)
    os.umask(0o022)
    session = Session(0, sink)
    session.catch_signals()
    try:
        return _serve(system or System(), session)
    except Interrupted:
        return EXIT["interrupted"]
    except NodeError as error:
        return _refuse(session, error)
    except ValueError as error:
        return _refuse(session, NodeError("bad-manifest", f"the request cannot be read: {error}"))
    except Exception:  # noqa: BLE001  the operator gets an event, whatever it is
        return _refuse(session, bug())


def _serve(system: System, session: Session) -> int:
    from . import ops

    manifest = session.receive_json()
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise NodeError("bad-manifest", f"the request is not of format {FORMAT}", hint="deploy again")
    fault = os.environ.get("HUBCTL_FAULT") or str(manifest.get("fault", ""))
    return ops.find(manifest.get("op"))(Request(system, session, manifest, fault))


def _refuse(session: Session, error: NodeError) -> int:
    print(error.why, file=sys.stderr)  # noqa: T201
    session.emit("error", id="", code=error.code, message=error.message, why=error.why, hint=error.hint)
    session.emit("end", ok=0, changed=0, failed=0, seconds=0.0, result="failed")
    return EXIT["failed"]
