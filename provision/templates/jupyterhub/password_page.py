# Made by hubctl; the next deploy undoes changes made here.
"""The page on which users change their password; the hub starts it as a service, and says who asks."""

import asyncio
import json
import os
from html import escape
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from login import Tries
from tornado.web import Application, RequestHandler, authenticated

_SOCKET = "/run/jupyterhub-passwd.sock"
_TRIES = Tries()
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Password</title>
<link rel="stylesheet" href="/hub/static/css/style.min.css">
</head>
<body>
<main class="container mt-5">
<h1>Password of %(name)s</h1>
<p role="status" class="lead">%(said)s</p>
<form method="post" class="col-lg-6">
%(xsrf)s
<input type="hidden" name="username" autocomplete="username" value="%(name)s">
<label class="form-label" for="old">Present password</label>
<input class="form-control mb-3" id="old" name="old" type="password" autocomplete="current-password" required>
<label class="form-label" for="new">New password, 8 characters or more</label>
<input class="form-control mb-3" id="new" name="new" type="password" autocomplete="new-password" minlength="8" required>
<label class="form-label" for="again">The new one again</label>
<input class="form-control mb-3" id="again" name="again" type="password" autocomplete="new-password" required>
<button class="btn btn-jupyter">Change</button>
<a class="btn" href="/hub/home">Back</a>
</form>
</main>
</body>
</html>
"""


class Password(HubOAuthenticated, RequestHandler):
    """The form, and what became of it."""

    def set_default_headers(self) -> None:
        """Let the page have nothing from elsewhere, and nobody keep it."""
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Cache-Control", "no-store")

    @authenticated
    def get(self) -> None:
        """Show the form."""
        self._show("Your server and your files stay as they are.")

    @authenticated
    async def post(self) -> None:
        """Change the password."""
        old, new, again = (self.get_body_argument(name, "", strip=False) for name in ("old", "new", "again"))
        if new != again:
            problem = "the two new ones differ"
        else:
            problem = await _changed({"name": self.current_user["name"], "old": old, "new": new})
        if problem:
            self.set_status(400)
        self._show(f"It was not changed: {problem}." if problem else "It is changed.")

    def _show(self, said: str) -> None:
        xsrf = self.xsrf_form_html()
        name = escape(self.current_user["name"])
        self.finish(_PAGE % {"name": name, "said": escape(said), "xsrf": xsrf})


async def _changed(asked: dict[str, str]) -> str:
    """Have the node change it; return why it did not, or nothing."""
    if wait := _TRIES.take(asked["name"]):
        return f"there were too many tries; the next may come in {int(wait) + 1} seconds"
    reader, writer = await asyncio.open_unix_connection(_SOCKET)
    try:
        writer.write(json.dumps(asked).encode())
        writer.write_eof()
        problem = str(json.loads(await reader.read())["problem"])
    except ValueError:
        return "the node gave no answer: its journal says why"
    finally:
        writer.close()
    if not problem:
        _TRIES.give_back(asked["name"])
    return problem


async def main() -> None:
    """Serve until the hub ends it."""
    prefix, place = os.environ["JUPYTERHUB_SERVICE_PREFIX"], urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    routes = [(prefix, Password), (f"{prefix}oauth_callback", HubOAuthCallbackHandler)]
    Application(routes, cookie_secret=os.urandom(32)).listen(place.port, place.hostname)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
