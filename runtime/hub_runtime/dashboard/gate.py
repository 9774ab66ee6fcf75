"""Who gets in: a hub token in the request, or a browser that logged in through the hub's OAuth."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, abort, redirect, request, session
from requests import RequestException
from werkzeug.wrappers import Response

from .identity import Hub, HubAwayError, Identity
from .settings import Settings

TOKEN, NEXT = "token", "next"
SAFE = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Identifies whoever asks."""

    def __init__(self, app: Flask, settings: Settings, hub: Hub) -> None:
        self._settings = settings
        self._hub = hub
        # Names below this host can set cookies for it, but none that is called so.
        app.config["SESSION_COOKIE_NAME"] = f"__Host-{settings.name}" if settings.below else settings.name
        app.config["SESSION_COOKIE_PATH"] = "/" if settings.below else settings.prefix
        app.config["SESSION_COOKIE_SECURE"] = settings.secure
        app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
        # Derived, so that a release goes on with the sessions of the one before it.
        key = settings.token or secrets.token_hex()
        app.secret_key = hmac.digest(key.encode(), b"session cookies", "sha256")
        self._client = OAuth(app).register(
            "hub",
            client_id=f"service-{settings.name}",
            client_secret=settings.token,
            authorize_url=f"{settings.hub}api/oauth2/authorize",
            access_token_url=f"{settings.hub_api}/oauth2/token",
            client_kwargs={
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_post",
                "trust_env": False,
            },
        )
        self._callback = f"{settings.prefix}oauth_callback"

    def poster(self) -> Identity:
        """Return who asks to have an event recorded, or refuse."""
        identity = self._identified()
        if identity is None:
            abort(401, "a token of the hub is needed: `Authorization: token …`")
        return identity

    def caller(self) -> Identity:
        """Return who asks for something, or refuse."""
        identity = self.poster()
        if not identity.enters:
            abort(403, f"the token lacks the scope access:services!service={self._settings.name}")
        return identity

    def visitor(self) -> Identity:
        """Return who asks for a page; a browser that is not logged in is sent to the hub, and comes back."""
        identity = self._identified()
        if identity is None:
            session[NEXT] = request.full_path.rstrip("?")
            abort(self._client.authorize_redirect(self._callback))
        if not identity.enters:
            abort(403, "this account may not open the dashboard")
        return identity

    def login(self) -> Response:
        """``GET /login?next=…``: log in, then go on there."""
        self.visitor()
        return redirect(self._inside(request.args.get("next", "")))

    def again(self) -> bool:
        """Say whether who asks would still be let in: for answers that last."""
        try:
            identity = self._identified()
        except HubAwayError:
            return True
        return identity is not None and identity.enters

    def callback(self) -> Response:
        """``GET /oauth_callback``: the browser comes back from the hub."""
        try:
            token = self._client.authorize_access_token()
        except OAuthError as error:
            abort(403, f"the hub did not let you in: {error.description or error.error}")
        except RequestException as error:
            raise HubAwayError(str(error)) from error
        session[TOKEN] = token["access_token"]
        return redirect(self._inside(str(session.pop(NEXT, ""))))

    def leave(self) -> Response:
        """``POST /logout``: forget the browser here, then at the hub."""
        session.clear()
        return redirect(f"{self._settings.hub}logout")

    def _inside(self, path: str) -> str:
        """Return a path of this service: that one, or else its front page."""
        return path if path.startswith(self._settings.prefix) else self._settings.prefix

    def token(self) -> str:
        """Return the hub's token of whoever was let in."""
        return _sent() or str(session.get(TOKEN, ""))

    def _identified(self) -> Identity | None:
        if token := _sent():
            return self._hub.identify(token)
        token = str(session.get(TOKEN, ""))
        if not token:
            return None
        if request.method not in SAFE and not _from_here():
            abort(403, "the request comes from another site")
        return self._hub.identify(token)


def _sent() -> str:
    """Return the token in the request, or nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("token", "bearer") else ""


def _from_here() -> bool:
    """Whether a page of this very origin sent the request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host
