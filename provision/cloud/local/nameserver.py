"""The instance's DNS server: authoritative for its domains, a forwarder to the host's resolvers for all else."""

from __future__ import annotations

import logging
import socketserver
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from .zone import Zones

log = logging.getLogger(__name__)
_UDP_SIZE = 1232  # what passes everywhere without fragments
_FORWARD_SECONDS = 4.0
_TCP_IDLE_SECONDS = 10.0


class NameServer:
    """Answers on UDP and TCP of one address.

    Args:
        zones: gives the zones as they are at the time of a question.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        resolv_conf: file that names the resolvers for everything else, read at each question.
    """

    def __init__(
        self,
        zones: Callable[[], Zones],
        host: str,
        port: int = 53,
        resolv_conf: Path = Path("/etc/resolv.conf"),
    ) -> None:
        self._zones = zones
        self._resolv_conf = resolv_conf
        self._tcp = _TcpServer((host, port), _TcpHandler)
        self.port = int(self._tcp.server_address[1])
        self._udp = _UdpServer((host, self.port), _UdpHandler)
        for server in (self._tcp, self._udp):
            server.answer = self.answer

    def start(self) -> None:
        """Begin to answer, in threads of this process."""
        for server in (self._tcp, self._udp):
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()

    def answer(self, wire: bytes, *, tcp: bool) -> bytes | None:
        """Answer one message; None for what is no question."""
        try:
            query = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR:
            return None
        response = self._respond(query, tcp=tcp)
        largest = 65535 if tcp else min(max(512, query.payload), _UDP_SIZE)
        try:
            return response.to_wire(max_size=largest)
        except dns.exception.TooBig:
            return _refusal(query, dns.rcode.NOERROR, truncated=True).to_wire()

    def _respond(self, query: dns.message.Message, *, tcp: bool) -> dns.message.Message:
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            return _refusal(query, dns.rcode.NOTIMP)
        question = query.question[0]
        if question.rdclass != dns.rdataclass.IN:
            return _refusal(query, dns.rcode.REFUSED)
        zones = self._zones()
        if zones.origin(question.name) is None:
            return self._forward(query, self._resolvers(), tcp=tcp)
        if servers := zones.delegated(question.name):
            return self._forward(query, servers, tcp=tcp)
        response = zones.answer(query)
        self._chase(response, zones)
        return response

    def _chase(self, response: dns.message.Message, zones: Zones) -> None:
        """Complete an answer that ends with a CNAME to a name of somebody else."""
        wanted = response.question[0].rdtype
        last = response.answer[-1] if response.answer else None
        if last is None or last.rdtype != dns.rdatatype.CNAME or wanted == dns.rdatatype.CNAME:
            return
        target = last[0].target
        if zones.origin(target) is None:
            query = dns.message.make_query(target, wanted)
            response.answer += self._forward(query, self._resolvers(), tcp=True).answer

    def _forward(self, query: dns.message.Message, servers: list[str], *, tcp: bool) -> dns.message.Message:
        for server in servers:
            try:
                return _ask(query, server, tcp=tcp)
            except (dns.exception.DNSException, OSError) as error:
                log.warning("resolver %s: %s", server, error or type(error).__name__)
        return _refusal(query, dns.rcode.SERVFAIL)

    def _resolvers(self) -> list[str]:
        resolver = dns.resolver.Resolver(configure=False)
        try:
            resolver.read_resolv_conf(str(self._resolv_conf))
        except dns.exception.DNSException:  # no file, or none in it
            return []
        return [str(server) for server in resolver.nameservers]


class _Server(socketserver.ThreadingMixIn):
    daemon_threads = True
    allow_reuse_address = True
    answer: Callable[..., bytes | None]


class _UdpServer(_Server, socketserver.UDPServer):
    pass


class _TcpServer(_Server, socketserver.TCPServer):
    pass


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, listener = self.request
        answer = cast("_Server", self.server).answer(wire, tcp=False)
        if answer is not None:
            listener.sendto(answer, self.client_address)


class _TcpHandler(socketserver.StreamRequestHandler):
    timeout = _TCP_IDLE_SECONDS

    def handle(self) -> None:
        try:
            while len(prefix := self.rfile.read(2)) == 2:
                (length,) = struct.unpack("!H", prefix)
                answer = cast("_Server", self.server).answer(self.rfile.read(length), tcp=True)
                if answer is None:
                    return
                self.wfile.write(struct.pack("!H", len(answer)) + answer)
        except OSError:  # the client left or was silent for too long
            return


def _ask(query: dns.message.Message, server: str, *, tcp: bool) -> dns.message.Message:
    if tcp:
        return dns.query.tcp(query, server, timeout=_FORWARD_SECONDS)
    response, _ = dns.query.udp_with_fallback(query, server, timeout=_FORWARD_SECONDS)
    return response


def _refusal(
    query: dns.message.Message, code: dns.rcode.Rcode, *, truncated: bool = False
) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(code)
    if truncated:
        response.flags |= dns.flags.TC
    return response
