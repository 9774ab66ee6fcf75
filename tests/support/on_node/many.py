"""NUMBER: opens as many connections into the tunnel, holds all of them, then asks on each; prints how many answered."""

import socket
import sys
import time

socks = []
for _ in range(int(sys.argv[1])):
    socks.append(socket.create_connection(("127.0.0.1", 8080), timeout=30))
    socks[-1].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
    time.sleep(0.02)  # spiped's queue holds ten that come at the same moment; others try again after a second
for sock in socks:
    sock.sendall(b"Connection: close\r\n\r\n")
print(sum(sock.recv(64).startswith(b"HTTP/1.1 200") for sock in socks))
