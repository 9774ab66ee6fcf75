"""The engine's start: one request on stdin, events on stdout."""

from __future__ import annotations

import os
import sys
import time
from typing import Callable

from .errors import Interrupted, NodeError, from_os_error
from .peer import Peer
from .request import EXIT, Request, bug
from .system import System

FORMAT = 1


def main(system: System | None = None) -> int:
    """Do what the operator asks for; return the exit status.

    Args:
        system: the machine, where it is not this one.
    """
    return answered(lambda peer: _serve(system or System(), peer))


def answered(serve: Callable[[Peer], int]) -> int:
    """Serve the peer at stdin and stdout, whatever goes wrong; return the exit status."""
    # Events alone may go where stdout went.
    sink = os.dup(1)
    os.dup2(2, 1)
    os.umask(0o022)
    peer = Peer(0, sink)
    peer.catch_signals()
    try:
        return serve(peer)
    except Interrupted:
        return EXIT["interrupted"]
    except NodeError as error:
        return _refuse(peer, error)
    except OSError as error:
        return _refuse(peer, from_os_error(error))
    except ValueError as error:
        return _refuse(peer, NodeError("bad-manifest", f"the request cannot be read: {error}"))
    except Exception:  # noqa: BLE001  the operator gets an event, whatever it is
        return _refuse(peer, bug())


def _serve(system: System, peer: Peer) -> int:
    from . import ops

    manifest = peer.receive_json()
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise NodeError("bad-manifest", f"the request is not of format {FORMAT}", hint="deploy again")
    fault = os.environ.get("HUBCTL_FAULT") or str(manifest.get("fault", ""))
    return ops.find(manifest.get("op"))(Request(system, peer, manifest, time.time(), fault))


def _refuse(peer: Peer, error: NodeError) -> int:
    print(error.why, file=sys.stderr)  # noqa: T201
    peer.emit("error", id="", code=error.code, message=error.message, why=error.why, hint=error.hint)
    peer.emit("end", ok=0, changed=0, failed=0, seconds=0.0, result="failed")
    return EXIT["failed"]
