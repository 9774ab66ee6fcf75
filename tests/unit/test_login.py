"""How often passwords of a hub may be tried."""

from __future__ import annotations

import asyncio
from types import ModuleType, SimpleNamespace

import pamela
import pytest
from tornado.web import HTTPError

from provision.render import render


@pytest.fixture
def login() -> ModuleType:
    """What the hub uses at its login page."""
    module = ModuleType("login")
    exec(compile(render("jupyterhub/login.py"), "login.py", "exec"), module.__dict__)
    return module


@pytest.fixture
def clock(login: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be turned."""
    now = [1000.0]
    monkeypatch.setattr(login.time, "monotonic", lambda: now[0])
    return now


def test_who_tries_too_often_waits_and_nobody_else_does(login: ModuleType, clock: list[float]) -> None:
    tries = login.Tries()
    assert [tries.take("ann") for _ in range(6)] == [0, 0, 0, 0, 0, 30]
    assert tries.take("bob") == 0
    clock[0] += 20
    assert tries.take("ann") == 10
    clock[0] += 10
    assert [tries.take("ann") for _ in range(2)] == [0, 30]


def test_right_passwords_are_not_counted(login: ModuleType, clock: list[float]) -> None:
    tries = login.Tries()
    for _ in range(40):
        assert tries.take("ann") == 0
        tries.give_back("ann")


def test_in_time_all_tries_are_there_again_and_nothing_is_kept(login: ModuleType, clock: list[float]) -> None:
    tries = login.Tries()
    for _ in range(5):
        tries.take("ann")
    clock[0] += 150
    assert [tries.take("bob"), list(tries._free)] == [0, ["bob"]]


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
    ],
)
def test_the_addresses_of_one_customer_are_one(login: ModuleType, address: str, whose: str) -> None:
    assert login.network(address) == whose


def test_a_name_that_pam_would_read_as_anothers_gives_no_further_tries(
    login: ModuleType, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def wrong(name: str, *_: object, **__: object) -> None:
        asked.append(name)
        raise pamela.PAMError(errno=7)

    monkeypatch.setattr(pamela, "authenticate", wrong)
    hub = login.Login(username_pattern="[a-z][a-z0-9_-]{0,31}")
    browser = SimpleNamespace(
        get_secure_cookie=lambda *_, **__: None, request=SimpleNamespace(remote_ip="203.0.113.7")
    )

    def try_as(name: str) -> None:
        answer = hub.authenticate(browser, {"username": name, "password": "guess"})
        assert asyncio.run(answer) is None

    for number in range(20):  # as JSON can say it at the hub's API
        try_as(f"ann\0{number}")
    assert asked == []
    for _ in range(login.AT_ONCE):
        try_as("ann")
    with pytest.raises(HTTPError, match="Too many wrong passwords"):
        try_as("ann")
    assert asked == ["ann"] * login.AT_ONCE
