"""A server that answers what it is told, in turn, as a cloud does on its bad days."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.answers = {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v2/"

    def answer(self, method, path, *answers):
        """Give these (status, body, headers) in turn; the last one for ever."""
        self.answers[method, path] = list(answers)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment an answer: else each waits 40 ms for an acknowledgement

    def handle_any(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        self.server.requests.append((self.command, url.path, parse_qs(url.query), body, dict(self.headers)))
        queue = self.server.answers.get(
            (self.command, url.path), [(404, {"id": "not_found", "message": "no"}, {})]
        )
        status, answer, headers = queue.pop(0) if len(queue) > 1 else queue[0]
        payload = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for key, value in {**headers, "content-length": str(len(payload))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running():
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def snapshot(number, title, created):
    return {
        "id": number,
        "name": title,
        "created_at": created,
        "regions": ["fra1"],
        "resource_id": "1",
        "resource_type": "droplet",
        "min_disk_size": 25,
        "size_gigabytes": 1.5,
        "tags": [],
    }


def droplet(number, **fields):
    networks = {
        "v4": [
            {"ip_address": "10.0.0.2", "type": "private"},
            {"ip_address": "192.0.2.7", "type": "public"},
        ],
        "v6": [{"ip_address": "2001:db8::7", "type": "public"}],
    }
    return {
        "id": number,
        "name": "apis.demo.test",
        "status": "active",
        "tags": ["hubctl"],
        "networks": networks,
        "size_slug": "s-1vcpu-2gb",
        "image": {"slug": "debian-12-x64"},
        "region": {"slug": "fra1"},
        **fields,
    }


class Steps:
    """Remembers the names of steps."""

    def __init__(self):
        self.names = []

    @contextlib.contextmanager
    def __call__(self, _, *, done=""):
        self.names.append(done)
        yield
