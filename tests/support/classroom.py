"""A class that never was: participants and notebooks for pages, always the same, and a small server that shows them."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
from flask import Flask, Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as Answer

from hub_runtime.dashboard import admin_pages, pages
from hub_runtime.dashboard.model import Cell, Home, Output, Participant, State, Summary
from hub_runtime.dashboard.node import Said
from hub_runtime.web import policy, site, sse
from hub_runtime.web.view import View

NOW = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)
ROOT = "/services/dashboard/"
SITE = "Python for biologists"
ADMIN = "teacher"
HUB = "https://hub.example.org"
NOTEBOOKS = ("day1/lists.ipynb", "day1/first-steps.ipynb", "day2/plots.ipynb")
NAMES = (
    *(
        "ada",
        "amara",
        "ana",
        "bao",
        "carlos",
        "chen",
        "dalia",
        "david",
        "elif",
        "emil",
        "fatima",
        "felix",
        "grace",
    ),
    *(
        "hana",
        "hugo",
        "ines",
        "ivan",
        "jonas",
        "jun",
        "kofi",
        "lena",
        "liam",
        "lin",
        "maya",
        "mateo",
        "mira",
        "noah",
    ),
    *(
        "nora",
        "omar",
        "petra",
        "priya",
        "quentin",
        "rosa",
        "sam",
        "sofia",
        "tariq",
        "uma",
        "viktor",
        "wanjiru",
        "yusuf",
    ),
)
TRACEBACK = """---------------------------------------------------------------------------
NameError                                 Traceback (most recent call last)
Cell In[7], line 2
      1 for gene in genes:
----> 2     print(gene, lenght(gene))

NameError: name 'lenght' is not defined"""
PLOT = (
    "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIzMjAiIGhlaWdodD0iMTIwIj4"
    "8cG9seWxpbmUgcG9pbnRzPSIxMCwxMTAgNjAsNzAgMTEwLDg1IDE2MCw0MCAyMTAsNTUgMjYwLDIwIDMxMCwzMCIgZmlsbD0ibm9uZSIgc3Ryb2tl"
    "PSIjMWY1NmFkIiBzdHJva2Utd2lkdGg9IjMiLz48L3N2Zz4="
)
TABLE = (
    "<table><thead><tr><th></th><th>gene</th><th>length</th></tr></thead><tbody>"
    "<tr><th>0</th><td>BRCA1</td><td>81189</td></tr><tr><th>1</th><td>TP53</td><td>19149</td></tr></tbody></table>"
)


def moment(seconds: float) -> str:
    """So long before the class's now."""
    return (NOW - timedelta(seconds=seconds)).isoformat()


def participants(number: int) -> list[Participant]:
    """A class of so many: most at work, some stuck, some with a hand up, one paused."""
    return [_participant(at, name) for at, name in enumerate(NAMES[:number])]


def _participant(at: int, name: str) -> Participant:
    if at % 14 == 9:
        return Participant(name, paused=True)
    if at % 17 == 11:
        return Participant(name)
    chance = Random(name)
    stuck = "NameError: name 'lenght' is not defined" if at % 9 == 4 else ""
    return Participant(
        name,
        active=at % 5 != 3,
        saved=moment(chance.randint(2, 170) if at % 5 != 3 else chance.randint(600, 3000)),
        errors=3 if stuck else int(at % 4 == 2),
        stuck=stuck,
        hand=moment(140 - at) if at % 13 == 6 or at == 0 else None,
        cells=chance.randint(6, 24),
        notebooks=(NOTEBOOKS[1], NOTEBOOKS[0]) if at % 6 == 5 else NOTEBOOKS[:2] if at % 2 else NOTEBOOKS[:1],
        home=Home(1_800_000_000 if at % 10 == 2 else 200_000_000, 2 * 2**30),
    )


def summary(one: Participant, filename: str, all_of_it: bool = False) -> Summary:
    """What the worker would have made of this participant's copy."""
    chance = Random(one.name + filename)
    cells = [
        Cell("markdown", "## Lengths", html="<h2>Lengths</h2><p>How long is each gene of the list?</p>"),
        Cell(
            "code", 'genes = ["BRCA1", "TP53", "EGFR"]\nlen(genes)', count=5, outputs=(Output("text", "3"),)
        ),
        Cell("code", "table.head(2)", count=6, outputs=(Output("html", TABLE),)),
    ]
    if one.stuck or one.errors:
        source = "for gene in genes:\n    print(gene, lenght(gene))"
        cells.append(Cell("code", source, count=7, outputs=(Output("error", TRACEBACK),)))
    elif chance.random() < 0.5:
        cells.append(Cell("code", "table.length.plot()", count=7, outputs=(Output("image", PLOT),)))
    else:
        text = "".join(f"{gene} {chance.randint(4000, 90000)}\n" for gene in ("BRCA1", "TP53", "…", "EGFR"))
        cells.append(
            Cell(
                "code",
                "for gene in genes:\n    print(gene, length(gene))",
                count=7,
                outputs=(Output("text", text, 22),),
            )
        )
    cells.append(Cell("code", ""))
    return Summary(
        one.name,
        filename,
        f"/home/{one.name}/{filename}",
        State.SHOWN,
        one.saved or moment(0),
        total=len(cells) if all_of_it else max(one.cells, len(cells)),
        cells=tuple(cells),
        errors=one.errors,
        stuck=one.stuck,
    )


def users(number: int) -> list[admin_pages.User]:
    """The accounts of a class of so many, and of its teacher."""
    teacher = admin_pages.User(ADMIN, admin=True, seen=moment(30), bytes=48_200_000, server=True)
    return [*(_user(at, one) for at, one in enumerate(participants(number))), teacher]


def _user(at: int, one: Participant) -> admin_pages.User:
    size = Random(one.name).randint(4_000, 90_000_000)
    return admin_pages.User(
        one.name, seen=one.saved, bytes=size, server=one.active, leaving=at == 8, has_password=at != 3
    )


def added(names: tuple[str, ...] = ("zora", "yara", "xaver")) -> list[Said]:
    """What the node says while it adds people."""
    passwords = dict(
        zip(names, ("tamu-rito-keba-nosi", "puha-gedo-simi-vuta", "nika-bofu-rago-hepe"), strict=False)
    )
    changes = tuple({"what": what} for what in ("create", "make the home", "set the password"))
    made = [Said("resource", id=f"account:{name}", changes=changes) for name in names]
    return [Said("passwords", passwords=passwords), *made, Said("end")]


ADDED = [
    admin_pages.Package(*one) for one in (("emoji", "2.14.1", "emoji<2.15"), ("seaborn", "0.13.2", "seaborn"))
]
BROUGHT = [("jupyterlab", "4.5.1"), ("ipywidgets", "8.1.8"), ("nbgitpuller", "1.3.0")]
PACKAGES = admin_pages.Packages(tuple(ADDED), tuple(admin_pages.Package(*one) for one in BROUGHT))
ADD = admin_pages.Task("Add people", ("people", "People"))
BUILT = [
    Said("progress", text="resolving emoji<2.15, seaborn"),
    Said("resource", id="python-env:users", changes=({"what": "build users-5e884898da28: it is not there"},)),
    Said("end"),
]
REFUSED = [
    Said(
        "error",
        message="no user was made",
        why="Zoë: a name begins with a letter from a to z; then come such letters",
    ),
    Said("end"),
]


class Classroom:
    """The state that pages show; `tell` says to open pages that it changed."""

    def __init__(self, number: int, now: datetime | None = None) -> None:
        self.people = {one.name: one for one in participants(number)}
        self.open = True
        self.refusal = 503
        self.cells: tuple[Cell, ...] = ()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._now = now
        self._streams: list[queue.Queue[str | None]] = []

    @property
    def now(self) -> datetime:
        return self._now or NOW

    def change(self, name: str, **values: object) -> None:
        """Let something happen to somebody; a new name comes in."""
        self.people[name] = msgspec.structs.replace(self.people.get(name, Participant(name)), **values)
        self.tell()

    def working(self, said: list[Said]) -> Iterator[Said]:
        """What the node says, the last of it only once it may go on."""
        yield from said[:-1]
        self.goes_on.wait(60)
        yield said[-1]

    def tell(self) -> None:
        for stream in self._streams:
            stream.put(sse.encode("participant"))

    def drop(self) -> None:
        """Cut all streams."""
        for stream in self._streams:
            stream.put(None)
        self._streams.clear()

    def stream(self) -> Iterator[str]:
        mine: queue.Queue[str | None] = queue.Queue()
        self._streams.append(mine)
        yield f"retry: 1000\n\n{sse.PING}"
        while (piece := mine.get()) is not None:
            yield piece

    def summary(self, one: Participant, filename: str, all_of_it: bool = False) -> Summary:
        made = summary(one, filename, all_of_it)
        return msgspec.structs.replace(made, cells=self.cells or made.cells)

    def summaries(self, filename: str) -> dict[str, Summary]:
        return {
            one.name: self.summary(one, filename) for one in self.people.values() if filename in one.notebooks
        }

    def of(self, key: str) -> tuple[int, Participant]:
        """The participant whom a key stands for, and their number."""
        for number, name in enumerate(sorted(self.people), start=1):
            if pages.key_of(name) == key:
                return number, self.people[name]
        raise NotFound


def application(room: Classroom) -> Flask:
    """The pages over a class, for whoever asks: `?as=NAME` on `mine`; no login, no forms that do anything."""
    app = Flask("classroom", static_folder=None)
    site.install(app, ROOT)
    trainer = pages.Viewer(ADMIN, trainer=True, admin=True)

    @app.before_request
    def closed() -> Answer | None:
        return None if room.open else Response("closed", room.refusal)

    def view(path: str) -> View:
        return View.asked(ROOT, path, request.args)

    @app.get(ROOT)
    def overview() -> str:
        return pages.overview(view(""), trainer, SITE, list(room.people.values()), room.now)

    @app.get(f"{ROOT}notebook")
    def notebook() -> str:
        filename, only = request.args["path"], request.args.get("only", "")
        people, copies = list(room.people.values()), room.summaries(filename)
        return pages.side_by_side(view("notebook"), trainer, SITE, filename, people, copies, room.now, only)

    @app.get(f"{ROOT}whole")
    def whole() -> str:
        number, one = room.of(request.args["who"])
        return pages.whole(
            view("whole"), trainer, SITE, one, number, room.summary(one, request.args["path"], True), room.now
        )

    @app.get(f"{ROOT}cells")
    def cells() -> Response:
        _, one = room.of(request.args["who"])
        html = pages.cells(view("cells"), room.summary(one, request.args["path"], "all" in request.args))
        return Response(html, headers=policy.FRAME)

    @app.get(f"{ROOT}mine")
    def mine() -> str:
        me = room.people[request.args["as"]]
        viewer = pages.Viewer(me.name, trainer=False)
        return pages.mine(
            view("mine"), viewer, SITE, me, [room.summary(me, at) for at in me.notebooks], room.now
        )

    @app.post(f"{ROOT}<action>")
    def done(action: str) -> Answer:
        return redirect(request.form["back"], 303)

    @app.get(f"{ROOT}events/stream")
    def stream() -> Response:
        return Response(room.stream(), headers=sse.HEADERS)

    _for_admins(app, room)
    return app


def _for_admins(app: Flask, room: Classroom) -> None:
    """The pages that say who may use the hub."""

    @app.get(f"{ROOT}people")
    def people() -> str:
        accounts = users(len(room.people))
        return admin_pages.people(View.asked(ROOT, "people", request.args), ADMIN, SITE, accounts, room.now)

    @app.get(f"{ROOT}people/remove")
    def leaving() -> str:
        return admin_pages.leaving(
            View.asked(ROOT, "people/remove", request.args), ADMIN, SITE, request.args["name"]
        )

    @app.post(f"{ROOT}people/add")
    def add() -> Response:
        names = tuple(request.form["names"].split())
        said = room.working(added(names) if "Zoë" not in names else REFUSED)
        return Response(
            admin_pages.work(View.asked(ROOT, "people", request.args), ADMIN, SITE, ADD, HUB, said)
        )

    @app.get(f"{ROOT}packages")
    def packages() -> str:
        return admin_pages.packages(View.asked(ROOT, "packages", request.args), ADMIN, SITE, PACKAGES)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(room: Classroom) -> Iterator[str]:
    """The class on a port of its own; yields the address of its first page."""
    server = make_server("127.0.0.1", 0, application(room), threaded=True, request_handler=_Quiet)
    assert isinstance(server, ThreadedWSGIServer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{ROOT}"
    finally:
        room.drop()
        server.shutdown()
        thread.join()
        server.server_close()
