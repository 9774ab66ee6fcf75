"""One SSH connection to a node, open only when its host key is the pinned one."""

from __future__ import annotations

import base64
import contextlib
import logging
import math
import shlex
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import Exit, HubError
from ..lean import unversioned, without
from .hostkeys import fingerprint, host_name
from .target import Target, dial, unreachable

# Invoke is for `Match exec` in ~/.ssh/config, which has no say here; Paramiko tells servers its version.
with without("invoke"), unversioned("hubctl"):
    import paramiko

CHANNEL_SECONDS = 10
STATUS_SECONDS = 30  # from the end of a program's output to its exit status
MOST_OUTPUT = 1 << 20  # bytes of a program of which no more than a few words are expected; less than a window
_PIECE = 1 << 16  # bytes
LOOK_SECONDS = 1  # how long complaints of a program may lie there while it says nothing else
KEEPALIVE_SECONDS = 10
DEAD_PEER_SECONDS = 30

# A silent or broken server makes paramiko's thread write a traceback of its own.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class _Reject(paramiko.MissingHostKeyPolicy):
    """Stop at a key that is not pinned, and say which one came."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def missing_host_key(self, _client: paramiko.SSHClient, _hostname: str, key: paramiko.PKey) -> None:
        raise wrong_host_key(self._target, key)


def wrong_host_key(target: Target, got: paramiko.PKey) -> HubError:
    """Return the error for a host key that is not the pinned one, with both fingerprints."""
    return HubError(
        "host-key-changed",
        f"{target.pin.node} ({target.address}) shows another host key than the pinned one",
        why=f"pinned: {target.pin.fingerprint}\nshown:  {fingerprint(got.get_base64())}",
        hint="nothing was sent. If the machine was replaced on purpose: "
        f"`hubctl destroy-node {target.pin.node}`, then `hubctl create-node {target.pin.node}`",
        exit_code=Exit.NOT_ALLOWED,
    )


def key_of(target: Target, line: socket.socket | paramiko.Channel, seconds: float) -> tuple[str, str]:
    """Ask for the key at the other end of a line, without logging in; return its type and the key in base64.

    Raises:
        HubError: it does not answer.
    """
    transport = paramiko.Transport(line)
    # What sshd has by default, and what a pin of a made node is.
    transport.get_security_options().key_types = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")
    try:
        transport.start_client(timeout=seconds)
        key = transport.get_remote_server_key()
    except Exception as error:  # noqa: BLE001  what the other end sends makes Paramiko raise whatever it likes
        raise unreachable(target, str(error) or error.__class__.__name__) from None
    finally:
        transport.close()
    return key.get_name(), key.get_base64()


@contextlib.contextmanager
def entered(target: Target, line: socket.socket | paramiko.Channel, seconds: float) -> Iterator[Session]:
    """Log in to a node over a line, for the time of a `with` block.

    Raises:
        HubError: it shows another host key than the pinned one, refuses the operator's key, or does not answer.
    """
    client = paramiko.SSHClient()
    pinned = paramiko.PKey.from_type_string(target.pin.key_type, base64.b64decode(target.pin.key))
    client.get_host_keys().add(host_name(target.address, target.port), target.pin.key_type, pinned)
    client.set_missing_host_key_policy(_Reject(target))
    try:
        transport = _log_in(client, line, target, seconds)
        with _kept_alive(transport) as silent:
            yield Session(target, transport, silent)
    finally:
        client.close()


@contextlib.contextmanager
def _kept_alive(transport: paramiko.Transport) -> Iterator[threading.Event]:
    """Ask the peer every few seconds whether it is there; when it does not answer, set the event and close.

    TCP alone does not notice a peer whose kernel lives while its sshd hangs.
    """
    done, silent = threading.Event(), threading.Event()

    def give_up() -> None:
        silent.set()
        transport.close()

    def ask() -> None:
        while not done.wait(KEEPALIVE_SECONDS) and transport.is_active():
            limit = threading.Timer(DEAD_PEER_SECONDS, give_up)
            limit.daemon = True
            limit.start()
            with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                transport.global_request("keepalive@openssh.com", wait=True)
            limit.cancel()

    threading.Thread(target=ask, name="keepalive", daemon=True).start()
    try:
        yield silent
    finally:
        done.set()


def _log_in(
    client: paramiko.SSHClient, line: socket.socket | paramiko.Channel, target: Target, seconds: float
) -> paramiko.Transport:
    try:
        client.connect(
            target.address,
            target.port,
            target.user,
            sock=line,
            key_filename=str(target.key_file),
            look_for_keys=False,
            allow_agent=False,
            timeout=seconds,  # for the key exchange, which has no other end where its last words are missing
            banner_timeout=seconds,
            auth_timeout=seconds,
            channel_timeout=seconds,
        )
        transport = client.get_transport()
    except paramiko.BadHostKeyException as error:
        raise wrong_host_key(target, error.key) from None
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error).lower():
            raise unreachable(target, f"no answer to the login within {seconds:g} s") from None
        raise HubError(
            "login-refused",
            f"{target.pin.node} ({target.address}) does not let {target.user} in",
            why=f"the key {target.key_file} is not accepted",
            hint="check operator.ssh_key in the inventory",
            exit_code=Exit.NOT_ALLOWED,
        ) from None
    except HubError:
        raise
    except Exception as error:  # noqa: BLE001  as above
        if "banner" in str(error) and not target.gateway:
            raise _turned_away(target, str(error)) from None
        silent = "No existing session" in str(error)  # Paramiko's words for a key exchange that did not end
        why = f"no key exchange within {seconds:g} s" if silent else str(error) or error.__class__.__name__
        raise unreachable(target, why) from None
    if transport is None:
        raise unreachable(target, "the connection is closed")
    return transport


def _turned_away(target: Target, why: str) -> HubError:
    """Return the error for a server that greets nobody: sshd says why in plain text (OpenSSH 9.8 and later)."""
    said = b""
    with contextlib.suppress(OSError, HubError), dial(target, 3) as sock:
        said = sock.recv(200)
    if not said.startswith(b"Not allowed"):
        return unreachable(target, why)
    return HubError(
        "turned-away",
        f"sshd of {target.pin.node} lets this computer wait",
        why="it does so for some seconds after refused logins from here (PerSourcePenalties)",
        hint="wait half a minute, then run the same command again",
        exit_code=Exit.UNREACHABLE,
    )


@dataclass(frozen=True)
class Result:
    """What a command on the node gave."""

    status: int
    stdout: str
    stderr: str


class Session:
    """An open connection."""

    def __init__(self, target: Target, transport: paramiko.Transport, silent: threading.Event) -> None:
        self.target = target
        self._transport = transport
        self._silent = silent

    @property
    def transport(self) -> paramiko.Transport:
        """The connection itself, for who does more with it than run programs."""
        return self._transport

    def line_to(self, target: Target) -> paramiko.Channel:
        """Open a line from this node to another's sshd.

        Raises:
            HubError: the other is out of reach from here.
        """
        try:
            return self._transport.open_channel(
                "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=CHANNEL_SECONDS
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise unreachable(target, f"from {self.target.pin.node}: {error}") from None

    def channel(self) -> paramiko.Channel:
        """Open a channel, on which one program can be started."""
        with self._lost():
            return self._transport.open_session(timeout=CHANNEL_SECONDS)

    def start(self, channel: paramiko.Channel, argv: Sequence[str]) -> None:
        """Start a program as root on the node; the words are quoted for the login shell."""
        with self._lost():
            channel.exec_command(shlex.join(self.target.as_root(argv)))

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self.lost(str(error) or error.__class__.__name__) from None

    def send(self, channel: paramiko.Channel, data: bytes) -> None:
        """Send to a program. One that is gone takes nothing: what it has said and its status tell why.

        Raises:
            HubError: it takes nothing for as long as the channel waits.
        """
        try:
            channel.sendall(data)
        except TimeoutError:
            raise self.lost(f"the other end took nothing for {channel.gettimeout():.0f} s") from None
        except (paramiko.SSHException, OSError, EOFError):
            return

    def pieces(self, channel: paramiko.Channel, stderr: bytearray) -> Iterator[bytes]:
        """Yield what a program says, as it comes.

        Args:
            channel: the program's.
            stderr: what it says there is added; left unread, it would fill the line and keep the program from going on.

        Raises:
            HubError: it says nothing for as long as the channel waits, or too much on its stderr.
        """
        while piece := self._piece(channel, stderr):
            yield piece

    def _piece(self, channel: paramiko.Channel, stderr: bytearray) -> bytes:
        patience, began = channel.gettimeout(), time.monotonic()
        limit = math.inf if patience is None else patience
        channel.settimeout(min(LOOK_SECONDS, limit))
        try:
            while time.monotonic() - began < limit:
                while channel.recv_stderr_ready():
                    self._add(stderr, channel.recv_stderr(_PIECE))
                with contextlib.suppress(TimeoutError):
                    return channel.recv(_PIECE)
        finally:
            channel.settimeout(patience)
        raise self.lost(f"the other end said nothing for {limit:.0f} s")

    def _add(self, found: bytearray, piece: bytes) -> None:
        found += piece
        if len(found) > MOST_OUTPUT:
            raise self.lost(f"the other end says more than {MOST_OUTPUT:,} bytes")

    def ended(self, channel: paramiko.Channel, stderr: bytearray) -> tuple[int, str]:
        """Return the exit status of a program that has said all, and its complaints.

        Raises:
            HubError: it gives no status, or says too much on its stderr.
        """
        while piece := channel.recv_stderr(_PIECE):
            self._add(stderr, piece)
        complaints = stderr.decode(errors="replace").strip()
        channel.status_event.wait(STATUS_SECONDS)
        status = channel.exit_status
        if not channel.status_event.is_set() or status < 0:
            raise self.lost(complaints or "the other end ended without a status")
        return status, complaints

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", seconds: float = 60) -> Result:
        """Run a program to its end.

        Raises:
            HubError: the connection was lost, or the time is over.
        """
        channel = self.channel()
        self.start(channel, argv)
        channel.settimeout(seconds)
        try:
            self.send(channel, stdin)
            with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                channel.shutdown_write()
            stdout, stderr = bytearray(), bytearray()
            for piece in self.pieces(channel, stderr):
                self._add(stdout, piece)
            status, complaints = self.ended(channel, stderr)
        finally:
            channel.close()
        return Result(status, stdout.decode(errors="replace"), complaints)

    def lost(self, why: str) -> HubError:
        """Return the error for a connection that broke."""
        return HubError(
            "connection-lost",
            f"the connection to {self.target.pin.node} was lost",
            why=f"it answered nothing for {DEAD_PEER_SECONDS} s" if self._silent.is_set() else why,
            hint="run the same command again: it carries on where this one stopped",
            exit_code=Exit.UNREACHABLE,
        )
