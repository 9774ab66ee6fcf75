"""HOST PORT…: prints those ports that accept a connection within a second."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor


def accepts(host, port):
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((host, int(port))) == 0


if __name__ == "__main__":
    host, *ports = sys.argv[1:]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda port: accepts(host, port), ports))
    print(*(port for port, yes in zip(ports, answers) if yes))
