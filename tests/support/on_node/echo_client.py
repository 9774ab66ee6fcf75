"""Sends lines into the tunnel until stdin ends, each on a connection of its own, and two on one throughout.

Prints how many were sent, and how many came back otherwise or not at all.
"""

import select
import socket
import sys


class Echo:
    def __init__(self):
        self.sock = socket.create_connection(("127.0.0.1", 9000), timeout=20)
        self.file = self.sock.makefile("rb")
        self.good = self.file.readline() == b"hello\n"

    def lost(self, line):
        self.sock.sendall(line)
        return not (self.good and self.file.readline() == line)


kept = Echo()
sent, lost = 0, kept.lost(b"first\n")
while not select.select([sys.stdin], [], [], 0.02)[0]:
    sent += 1
    echo = Echo()
    lost += echo.lost(b"%d\n" % sent)
    echo.sock.close()
lost += kept.lost(b"last\n")
print(sent, lost)
