"""A browser logs in through the hub, and other sites cannot use its session."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

PREFIX = "/services/dashboard"


class Browser:
    """Keeps cookies, and goes to the hub or to the dashboard, as the web server would send it."""

    def __init__(self, dashboard: Any, hub: Any) -> None:
        self.dashboard, self.hub = dashboard, hub
        self.at_hub = requests.Session()
        self.cookies: dict[str, str] = {}

    def log_in(self, user: str) -> None:
        page = self.at_hub.get(f"http://127.0.0.1:{self.hub.port}/hub/login")
        token = self.at_hub.cookies.get("_xsrf")
        form = {"username": user, "password": "open sesame", "_xsrf": token}
        self.at_hub.post(page.url, data=form, allow_redirects=False).raise_for_status()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.dashboard.ask(method, path, None, body, prefix="", Cookie=cookie, **headers)
        for line in answer.headers.get_all("Set-Cookie") or ():
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            assert "HttpOnly" in line
            assert f"Path={PREFIX}/" in line
            assert "SameSite=Lax" in line
        return answer

    def follow(self, path: str) -> tuple[str, Any]:
        """Go to a page and wherever it leads; returns where that is, and the answer."""
        for _ in range(10):
            if path.startswith(PREFIX):
                answer = self.ask("GET", path)
                status, there = answer.status, answer.headers.get("Location")
            else:
                answer = self.at_hub.get(f"http://127.0.0.1:{self.hub.port}{path}", allow_redirects=False)
                status, there = answer.status_code, answer.headers.get("Location")
            if status not in (301, 302, 303) or not there:
                return path, answer
            path = re.sub(r"^https?://[^/]+", "", there)
        raise AssertionError("round and round")


@pytest.fixture
def browser(dashboard: Any, hub: Any) -> Browser:
    hub.token("alice")
    return Browser(dashboard, hub)


def test_a_browser_logs_in_through_the_hub_and_comes_back(browser: Browser) -> None:
    browser.log_in("alice")
    path, answer = browser.follow(f"{PREFIX}/login?next={PREFIX}/events%3Fid=1")
    assert (path, answer.json) == (f"{PREFIX}/events?id=1", [])


def test_a_login_leads_nowhere_else(browser: Browser) -> None:
    browser.log_in("alice")
    path, _ = browser.follow(f"{PREFIX}/login?next=https://evil.example")
    assert path == f"{PREFIX}/"


def test_who_is_not_logged_in_ends_at_the_hubs_login(browser: Browser) -> None:
    path, _ = browser.follow(f"{PREFIX}/login")
    assert urlsplit(path).path == "/hub/login"
    assert browser.ask("GET", f"{PREFIX}/events").status == 401


def test_other_sites_cannot_use_the_session(browser: Browser) -> None:
    browser.log_in("alice")
    browser.follow(f"{PREFIX}/login")
    wish = (f"{PREFIX}/participants/alice", {"hand": True})
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        assert browser.ask("POST", *wish, **headers).status == 403
    assert browser.ask("POST", *wish, Sec_Fetch_Site="same-origin").status == 200
    assert browser.ask("POST", *wish, Origin="https://hub.example").status == 200


def test_a_session_ends_here_and_a_forged_return_is_refused(browser: Browser) -> None:
    browser.log_in("alice")
    browser.follow(f"{PREFIX}/login")
    assert browser.ask("GET", f"{PREFIX}/oauth_callback?code=x&state=y").status == 403
    assert browser.ask("POST", f"{PREFIX}/logout", Origin="https://hub.example").status == 302
    assert browser.ask("GET", f"{PREFIX}/events").status == 401
