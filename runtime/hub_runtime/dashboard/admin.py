"""The routes of the pages for admins: the node does what they ask for, and sees for itself that they are admins."""

from __future__ import annotations

from datetime import datetime, timezone
from http import HTTPStatus
from typing import TypeVar

import msgspec
from flask import Blueprint, Response, abort, request

from ..web.view import View
from . import admin_pages as pages
from .gate import Gate
from .node import Node
from .settings import Settings

T = TypeVar("T")
PEOPLE, PACKAGES = ("people", "People"), ("packages", "Packages")
LATER = "Servers that are started from now on have it so; those that run keep what they have until they start anew."


class Admin:
    """The pages over one node."""

    def __init__(self, settings: Settings, gate: Gate) -> None:
        self._root = settings.prefix
        self._gate = gate
        self._node = Node(settings.admin)

    def add_to(self, routes: Blueprint) -> None:
        """Add the routes."""
        routes.add_url_rule("/people", view_func=self.people)
        routes.add_url_rule("/people/add", view_func=self.add, methods=["POST"])
        routes.add_url_rule("/people/password", view_func=self.password, methods=["POST"])
        routes.add_url_rule("/people/remove", view_func=self.ask)
        routes.add_url_rule("/people/remove", view_func=self.remove, methods=["POST"])
        routes.add_url_rule("/packages", view_func=self.packages)
        routes.add_url_rule("/packages/add", view_func=self.add_packages, methods=["POST"])
        routes.add_url_rule("/packages/remove", view_func=self.remove_package, methods=["POST"])

    def people(self) -> str:
        """``GET /people``: everybody who may use the hub."""
        name, view = self._admin("people")
        users = self._known("users-list", pages.Users).users
        return pages.people(view, name, request.host, users, datetime.now(timezone.utc))

    def add(self) -> Response:
        """``POST /people/add``: make accounts; their passwords are in the answer and nowhere else."""
        names = tuple(request.form.get("names", "").replace(",", " ").split())
        return self._work(pages.Task("Add people", PEOPLE), "users-add", names)

    def password(self) -> Response:
        """``POST /people/password``: a new password, which is in the answer and nowhere else."""
        name = request.form.get("name", "")
        return self._work(pages.Task(f"A new password for {name}", PEOPLE), "users-password", (name,))

    def ask(self) -> str:
        """``GET /people/remove?name=…``: whether somebody is really to go."""
        name, view = self._admin("people/remove")
        return pages.leaving(view, name, request.host, request.args.get("name", ""))

    def remove(self) -> Response:
        """``POST /people/remove``: archive a home, and delete it with its account."""
        name = request.form.get("name", "")
        return self._work(pages.Task(f"Remove {name}", PEOPLE), "users-remove", (name,))

    def packages(self) -> str:
        """``GET /packages``: what users can import."""
        name, view = self._admin("packages")
        return pages.packages(view, name, request.host, self._known("packages-list", pages.Packages))

    def add_packages(self) -> Response:
        """``POST /packages/add``: add packages, one a line; a conflict is said, and changes nothing."""
        words = tuple(filter(None, map(str.strip, request.form.get("packages", "").splitlines())))
        return self._work(pages.Task("Add packages", PACKAGES, LATER), "packages-add", words)

    def remove_package(self) -> Response:
        """``POST /packages/remove``: remove one that was added, and what only it needed."""
        name = request.form.get("name", "")
        return self._work(pages.Task(f"Remove {name}", PACKAGES, LATER), "packages-remove", (name,))

    def _admin(self, path: str) -> tuple[str, View]:
        """Return who asks, and how they look at the page; or refuse."""
        who = self._gate.visitor()
        if not who.admin:
            abort(HTTPStatus.FORBIDDEN, "This page is for admins of the hub.")
        view = View.asked(self._root, path, request.args)
        if not view.names:
            abort(HTTPStatus.CONFLICT, "Names are hidden, and this page is about them: show them first.")
        return who.name, view

    def _work(self, task: pages.Task, do: str, names: tuple[str, ...]) -> Response:
        """Have the node do something; the answer tells what it does while it does it."""
        name, view = self._admin(task.back[0])
        said = self._node.ask(self._gate.token(), do, names)
        address = f"https://{request.host}"
        return Response(pages.work(view, name, request.host, task, address, said), content_type="text/html")

    def _known(self, do: str, kind: type[T]) -> T:
        """Return what the node answers."""
        heard = {said.event: said for said in self._node.ask(self._gate.token(), do)}
        if "data" not in heard:
            abort(HTTPStatus.SERVICE_UNAVAILABLE, f"The node says: {heard['error'].message}.")
        return msgspec.json.decode(heard["data"].data, type=kind)
