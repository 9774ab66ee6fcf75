"""SSH to a real sshd on loopback: what is let through, and what stops everything."""

import contextlib
import os
import socket
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from provision import keys
from provision.errors import Exit, HubError
from provision.transport import people, ssh
from provision.transport.connect import connect, shown_key
from provision.transport.hostkeys import Pin, fingerprint
from provision.transport.target import Target
from tests.support.lines import Fault, Line
from tests.support.listening import end
from tests.support.ports import free_port
from tests.support.sshd import SSHD, Server, write_private


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if SSHD is None or os.geteuid() != 0:
        pytest.fail("needs root and openssh-server") if os.environ.get("CI") else pytest.skip(
            "needs root and sshd"
        )
    server = Server(tmp_path_factory.mktemp("sshd"))
    yield server
    server.process.terminate()
    server.process.wait()


def test_a_command_runs_with_its_words_as_they_are(server):
    with connect(server.target()) as session:
        result = session.run(["printf", "%s|", "a b", "$HOME", "'; echo x", "ü"])
    assert (result.status, result.stdout) == (0, "a b|$HOME|'; echo x|ü|")


def test_stdin_reaches_the_command_and_its_status_comes_back(server):
    payload = b"x" * 3_000_000
    with connect(server.target()) as session:
        assert session.run(["wc", "-c"], stdin=payload).stdout.strip() == str(len(payload))
        assert session.run(["sh", "-c", "echo no >&2; exit 7"]).status == 7
        assert session.run(["false"], stdin=payload).status == 1


def test_a_node_behind_a_gateway_is_reached_through_it_with_the_keys_of_both(server):
    with connect(server.target(gateway=server.target())) as session:
        assert session.run(["cat"], stdin=b"through").stdout == "through"
    other = keys.make("other").public_base64
    with pytest.raises(HubError) as caught, connect(server.target(gateway=server.target(key=other))):
        pytest.fail("went through a gateway with another key")
    assert caught.value.code == "host-key-changed"


@pytest.mark.parametrize("part", [20, 600, 1200, 1500])
def test_a_server_that_falls_silent_in_its_greeting_or_key_exchange_is_given_up(server, part):
    line = Line("127.0.0.1", server.port)
    line.fault = Fault("stall", "back", part)
    with pytest.raises(HubError) as caught, connect(server.target(port=line.port), seconds=1):
        pytest.fail("logged in to a server that says nothing")
    line.close()
    assert caught.value.code == "unreachable"
    assert caught.value.why


def test_what_a_gateway_cannot_reach_is_named_with_the_gateway(server):
    with pytest.raises(HubError) as caught, connect(server.target(gateway=server.target(), port=free_port())):
        pytest.fail("connected to nothing")
    assert caught.value.code == "unreachable"
    assert "from apis:" in caught.value.why


def test_programs_run_as_root_whoever_logs_in():
    pin = Pin("box", ("192.0.2.7",), "ssh-ed25519", keys.make("box").public_base64)
    assert Target(pin, Path("key")).as_root(["true"]) == ["true"]
    other = Target(replace(pin, user="debian"), Path("key"))
    assert other.as_root(["true"]) == ("sudo", "-n", "--", "true")


def test_another_host_key_stops_everything_and_both_fingerprints_are_shown(server):
    other = keys.make("other").public_base64
    with pytest.raises(HubError) as caught, connect(server.target(key=other)):
        pytest.fail("connected to a host with another key")
    error = caught.value
    assert (error.code, error.exit_code) == ("host-key-changed", Exit.NOT_ALLOWED)
    assert fingerprint(other) in error.why
    assert fingerprint(server.host_key.public_base64) in error.why
    assert "hubctl destroy-node apis" in error.hint


def test_what_people_run_streams_line_by_line_and_keeps_its_status(server):
    said = []
    script = "echo one; echo two >&2; printf three; exit 7"
    with connect(server.target()) as session:
        status = people.run(
            session,
            ["sh", "-c", script],
            stdout=lambda line: said.append(("out", line)),
            stderr=lambda line: said.append(("err", line)),
            terminal=False,
        )
    assert status == 7
    assert sorted(said) == [("err", "two"), ("out", "one"), ("out", "three")]


def test_words_that_people_give_are_not_taken_apart(server):
    said = []
    with connect(server.target(gateway=server.target())) as session:
        status = people.run(
            session,
            ["printf", "%s\n", "a b", "$HOME", "'; echo x", "ü"],
            stdout=said.append,
            stderr=said.append,
            terminal=False,
        )
    assert (status, said) == (0, ["a b", "$HOME", "'; echo x", "ü"])


def test_with_a_terminal_a_command_has_one(server):
    said = []
    with connect(server.target()) as session:
        status = people.run(session, ["tty"], stdout=said.append, stderr=said.append, terminal=True)
    assert status == 0
    assert said[0].startswith("/dev/")


def test_a_refused_key_names_the_file(server, tmp_path):
    stranger = tmp_path / "stranger"
    write_private(stranger, keys.make("stranger").private)
    with pytest.raises(HubError) as caught, connect(server.target(key_file=stranger)):
        pytest.fail("a stranger got in")
    assert caught.value.code == "login-refused"
    assert str(stranger) in caught.value.why


def test_a_node_that_does_not_listen_is_unreachable(server):
    with pytest.raises(HubError) as caught, connect(server.target(port=free_port()), seconds=2):
        pytest.fail("connected to nothing")
    assert (caught.value.code, caught.value.exit_code) == ("unreachable", Exit.UNREACHABLE)
    assert "refused" in caught.value.why.lower()


def test_a_host_that_is_asked_for_its_key_is_named_as_its_node():
    with pytest.raises(HubError) as caught:
        shown_key("box", "127.0.0.1", free_port(), None, seconds=2)
    assert "`hubctl create-node box`" in caught.value.hint


def test_a_server_that_says_nothing_is_unreachable_within_the_limit(server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = server.target(port=silent.getsockname()[1])
        with pytest.raises(HubError) as caught, connect(target, seconds=2):
            pytest.fail("connected to silence")
    assert caught.value.code == "unreachable"


def test_a_command_without_an_end_is_given_up(server):
    with connect(server.target()) as session, pytest.raises(HubError) as caught:
        session.run(["sleep", "60"], seconds=1)
    assert "said nothing for 1 s" in caught.value.why


def test_a_killed_connection_is_an_error_that_says_to_run_again(server):
    with connect(server.target()) as session, pytest.raises(HubError) as caught:
        # The parent of the login shell is the connection's own sshd.
        session.run(["sh", "-c", "kill -9 $PPID; sleep 5"], seconds=20)
    assert caught.value.code == "connection-lost"
    assert "again" in caught.value.hint


def test_a_peer_that_hangs_is_given_up_though_its_kernel_still_answers(server, monkeypatch):
    monkeypatch.setattr(ssh, "KEEPALIVE_SECONDS", 0.2)
    monkeypatch.setattr(ssh, "DEAD_PEER_SECONDS", 1)
    with connect(server.target()) as session, pytest.raises(HubError) as caught:
        session.run(["sh", "-c", "(sleep 8; kill -CONT $PPID) & kill -STOP $PPID; sleep 5"], seconds=60)
    assert caught.value.code == "connection-lost"
    assert caught.value.why == "it answered nothing for 1 s"


def test_a_peer_that_only_takes_its_time_is_waited_for(server, monkeypatch):
    monkeypatch.setattr(ssh, "KEEPALIVE_SECONDS", 0.2)
    monkeypatch.setattr(ssh, "DEAD_PEER_SECONDS", 1)
    with connect(server.target()) as session:
        assert session.run(["sh", "-c", "sleep 3; echo done"]).stdout == "done\n"


def test_an_sshd_that_lets_this_computer_wait_is_named_as_such(server):
    """OpenSSH 9.8 and later greet nobody for a while after refused logins from the same address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def turn_away():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connection.sendall(b"Not allowed at this time\r\n")
                    connection.close()

        taking = threading.Thread(target=turn_away, daemon=True)
        taking.start()
        with (
            pytest.raises(HubError) as caught,
            connect(server.target(port=listening.getsockname()[1]), seconds=3),
        ):
            pass
        end(listening, taking)
    assert caught.value.code == "turned-away"
    assert caught.value.exit_code == Exit.UNREACHABLE
    assert "wait half a minute" in caught.value.hint


def test_a_connection_that_is_cut_while_something_is_sent_is_lost(server):
    """Paramiko raises one thing or another then; what counts is that the program gave no status."""
    with connect(server.target()) as session:
        channel = session.channel()
        session.start(channel, ["cat"])
        session.transport.close()
        session.send(channel, b"x" * 3_000_000)
        with pytest.raises(HubError) as caught:
            session.ended(channel, bytearray())
    assert caught.value.code == "connection-lost"


@pytest.mark.parametrize("error", [EOFError(), OSError("gone"), paramiko.SSHException("gone")])
def test_whatever_sending_raises_the_status_tells_what_became_of_the_program(server, monkeypatch, error):
    def fail(*_):
        raise error

    with connect(server.target()) as session:
        monkeypatch.setattr(paramiko.Channel, "sendall", fail)
        assert session.run(["sh", "-c", "exit 7"], stdin=b"x").status == 7


def test_a_program_that_says_all_and_does_not_end_is_given_up(server, monkeypatch):
    monkeypatch.setattr(ssh, "STATUS_SECONDS", 1)
    with connect(server.target()) as session, pytest.raises(HubError) as caught:
        session.run(["sh", "-c", "exec sleep 60 >&- 2>&-"])
    assert caught.value.why == "the other end ended without a status"


def test_a_program_that_says_too_much_is_given_up(server):
    with connect(server.target()) as session, pytest.raises(HubError) as caught:
        session.run(["yes"])
    assert "more than 1,048,576 bytes" in caught.value.why


def test_a_program_that_complains_a_lot_goes_on(server):
    script = (
        "head -c 900000 /dev/zero | tr '\\0' x >&2; echo on; head -c 900000 /dev/zero | tr '\\0' y; exit 3"
    )
    with connect(server.target()) as session:
        result = session.run(["sh", "-c", script])
    assert (result.status, len(result.stderr), len(result.stdout)) == (3, 900_000, 900_003)


def test_a_program_that_only_complains_is_given_up_and_not_waited_for(server):
    with connect(server.target()) as session, pytest.raises(HubError) as caught:
        session.run(["sh", "-c", "yes >&2"])
    assert "more than 1,048,576 bytes" in caught.value.why


def test_one_look_takes_all_complaints(server):
    rest = [b"one ", b"two"]

    class Channel:
        def gettimeout(self):
            return 60

        def settimeout(self, seconds):
            pass

        def recv_stderr_ready(self):
            return bool(rest)

        def recv_stderr(self, _):
            return rest.pop(0)

        def recv(self, _):
            assert not rest
            return b""

    stderr = bytearray()
    assert list(ssh.Session(server.target(), None, threading.Event()).pieces(Channel(), stderr)) == []
    assert stderr == b"one two"


def test_what_people_run_may_say_much_and_none_of_it_is_kept(server):
    lengths = []
    with connect(server.target()) as session:
        tracemalloc.start()
        people.run(
            session,
            ["sh", "-c", "yes 0123456789abcdef | head -c 17000000"],
            stdout=lambda line: lengths.append(len(line)),
            stderr=lengths.append,
            terminal=False,
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert sum(lengths) == 16_000_000
    assert most < 16_000_000
