"""Greets, then answers every line with itself, on port 7000 of the loopback."""

import socketserver


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"hello\n")
        for line in self.rfile:
            self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


Server(("127.0.0.1", 7000), Echo).serve_forever()
