"""The dashboard as it runs, with a real hub, behind a real web server, in a real browser."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hub_runtime.dashboard.pages import key_of
from provision.cloud.local import host
from runtime.tests.dashboard.conftest import PREFIX, Hub, Service, free_port
from tests.support.browser import Seen, opened

PASSWORD = "open sesame"
NGINX = """
user root; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        location / {{ proxy_pass http://127.0.0.1:{hub}; }}
        location /services/dashboard/ {{ proxy_pass http://unix:{socket}:; }}
    }}
}}
"""


class Running:
    """Hub, dashboard and web server, and the address of the dashboard."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder)
        self.service = Service(folder, self.hub)
        self.service.start_web()
        self.service.start_worker()
        port = free_port()
        self.address = f"http://127.0.0.1:{port}{PREFIX}/"
        values = {"folder": folder, "port": port, "hub": self.hub.port, "socket": self.service.socket}
        (folder / "nginx.conf").write_text(NGINX.format(**values))
        nginx = host.find_program("nginx") or "nginx"
        self.nginx = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")])

    def close(self) -> None:
        self.nginx.terminate()
        self.nginx.wait(30)
        self.service.end()
        self.hub.process.terminate()
        self.hub.process.wait(30)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="class-"))
    with closing(Running(folder)) as one:
        yield one
    shutil.rmtree(folder, ignore_errors=True)


def log_in(page: Page, name: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#line")).to_have_text("Live")


def quiet(seen: Seen, address: str) -> bool:
    """Whether pages of the dashboard complained of nothing and asked nobody else."""
    return not seen.elsewhere(address) and not seen.complaints


def test_a_class_from_the_first_login_to_a_hand_that_was_seen_to(browser: Browser, running: Running) -> None:
    with opened(browser, running.address) as (trainer, _), opened(browser, running.address) as (alice, saw):
        log_in(trainer, "tess")
        expect(trainer.get_by_role("heading", level=1)).to_have_text("Class")
        log_in(alice, "alice")
        expect(alice.get_by_role("heading", level=1)).to_have_text("What trainers see of you")
        saw.complaints.clear()  # the hub's own pages are not ours

        running.service.save("alice", "day1.ipynb", notebook("5*4", "20"))
        card = trainer.locator(f"#at-{key_of('alice')}")
        expect(card).to_contain_text("day1.ipynb")
        trainer.get_by_role("link", name="day1.ipynb", exact=True).click()
        expect(trainer.frame_locator("iframe").locator("pre.text")).to_have_text("20")
        expect(alice.frame_locator("iframe").locator("pre.text")).to_have_text("20")

        alice.get_by_role("button", name="Raise my hand").click()
        expect(alice.get_by_role("heading", name="Your hand is up")).to_be_visible()
        expect(trainer.locator("#copies")).to_contain_text("Hand up")
        trainer.get_by_role("link", name="Class").click()
        trainer.get_by_role("button", name="Done: take the hand of alice down").click()
        expect(alice.get_by_role("heading", name="Do you need help?")).to_be_visible()

        alice.get_by_role("button", name="Pause").click()
        expect(alice.get_by_role("heading", name="You are not shown")).to_be_visible()
        expect(card).to_contain_text("Not shown")
        assert quiet(saw, running.address)


def test_a_learner_opens_no_page_of_trainers(browser: Browser, running: Running) -> None:
    with opened(browser, running.address) as (page, _):
        log_in(page, "bob")
        for path in ("notebook?path=day1.ipynb", f"whole?who={key_of('alice')}&path=day1.ipynb"):
            answer = page.goto(running.address + path)
            assert answer
            assert answer.status in (403, 404)
            expect(page.get_by_role("link", name="Go to the first page")).to_be_visible()


def test_a_dashboard_that_is_away_is_said_and_found_again(browser: Browser, running: Running) -> None:
    with opened(browser, running.address) as (page, _):
        log_in(page, "tess")
        page.evaluate("window.same = true")
        running.service.running[0].terminate()
        running.service.running[0].wait(30)
        expect(page.locator("#line")).to_have_text("Connection lost")
        running.service.start_web()
        running.service.post("carol", "day2.ipynb")
        expect(page.locator("#line")).to_have_text("Live")
        expect(page.locator(f"#at-{key_of('carol')}")).to_contain_text("day2.ipynb")
        assert page.evaluate("window.same")


def notebook(source: str, result: str) -> dict[str, object]:
    output = {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {"text/plain": result},
    }
    cell = {
        "cell_type": "code",
        "id": "one",
        "metadata": {},
        "source": source,
        "execution_count": 1,
        "outputs": [output],
    }
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
