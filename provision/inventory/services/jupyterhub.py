"""jupyterhub in the inventory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec import Meta

from ...errors import HubError
from ...node.locks import SPECIFIER
from ..draft import Draft, Keys, mistake
from ..shape import Hostname, Shape
from .limits import WebLimits
from .service import WebService

Amount = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,6}[MG]$", description="an amount of memory such as 512M or 2G")
]


Person = Annotated[
    str,
    Meta(
        description="a user's name: a letter from a to z, then such letters, digits, - and _",
        # For editors; hubctl itself says more of what is wrong (`people.py`).
        extra_json_schema={"pattern": "^[a-z][a-z0-9_-]*$", "maxLength": 32},
    ),
]


Package = Annotated[
    str,
    Meta(
        pattern=SPECIFIER,
        max_length=200,
        description='a package of the index, with versions if you like: "numpy>=2,<3"',
    ),
]


class Material(Shape, kw_only=True):
    """A repository, or a folder beside the inventory, that everybody has in their home."""

    repo: (
        Annotated[
            str,
            Meta(
                pattern=r"^(https://[A-Za-z0-9.-]+/[A-Za-z0-9._~/+-]+|/[A-Za-z0-9._/+-]+)$",
                max_length=300,
                description="the https address of a git repository, or its folder on the node",
            ),
        ]
        | None
    ) = None
    folder: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=1000,
                description="path of a folder of your own, relative to the inventory, instead of a repository",
            ),
        ]
        | None
    ) = None
    ref: (
        Annotated[
            str,
            Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=100, description="a branch"),
        ]
        | None
    ) = None
    to: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$",
            max_length=200,
            description="a folder of the home",
        ),
    ]


class JupyterHub(WebService, kw_only=True):
    """Jupyter for everybody in a room: accounts of the node, a server for each, JupyterLab in the browser."""

    reachable: ClassVar[bool] = False

    hostname: Hostname
    admins: Annotated[
        tuple[Person, ...], Meta(description="who has an account and is an admin of the hub")
    ] = ()
    users: Annotated[tuple[Person, ...], Meta(description="who has an account and is no admin")] = ()
    packages: Annotated[
        tuple[Package, ...], Meta(description="what users can import besides what every hub has")
    ] = ()
    requirements: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=1000,
                description="path of a requirements file of more packages, relative to the inventory",
            ),
        ]
        | None
    ) = None
    memory: Amount = "1G"
    cpu: Annotated[
        float, Meta(ge=0.1, le=64, description="processors that one user's programs may use, 0.1 to 64")
    ] = 2
    processes: Annotated[
        int, Meta(ge=64, le=65536, description="processes and threads of one user, 64 to 65536")
    ] = 512
    disk: Annotated[
        Amount | None,
        Meta(description="what one user's home may hold: a quota, or else no server of a fuller one starts"),
    ] = None
    idle_timeout: Annotated[
        int,
        Meta(ge=0, le=604_800, description="seconds after which an unused server stops; 0: never"),
    ] = 3600
    default_url: Annotated[
        str, Meta(pattern=r"^/[A-Za-z0-9/_.-]*$", max_length=200, description="where a server's page opens")
    ] = "/lab"
    autosave: Annotated[
        int, Meta(ge=1, le=3600, description="seconds between two saves of an open notebook, 1 to 3600")
    ] = 5
    materials: Annotated[
        tuple[Material, ...],
        Meta(description="repositories and folders that everybody has in their home, kept up to date"),
    ] = ()
    subdomains: Annotated[
        bool, Meta(description="whether each user's server has a name of its own below the hub's")
    ] = False
    limits: WebLimits = WebLimits(requests=1000, connections=2000)

    def names(self, fqdn: str) -> tuple[str, ...]:
        """Add those of users' servers."""
        return (*super().names(fqdn), *([f"*.{fqdn}"] if self.subdomains else []))

    @classmethod
    def check(cls, name: str, draft: Draft) -> Iterator[HubError]:
        """It can be reached, and its materials are not in each other's way."""
        yield from super().check(name, draft)
        for _, keys, options in draft.services(name):
            yield from _of_one_source(draft, (*keys, "materials"), options.get("materials", []))
            yield from _apart(draft, (*keys, "materials"), options.get("materials", []))


def _of_one_source(draft: Draft, keys: Keys, materials: list[dict[str, str]]) -> Iterator[HubError]:
    """Each is of a repository or of a folder, and only a repository has branches."""
    for index, each in enumerate(materials):
        place = (*keys, index)
        given = [key for key in ("repo", "folder", "ref") if (*place, key) in draft.keys]
        if given in (["repo"], ["folder"], ["repo", "ref"]):
            continue
        where = draft.keys[(*place, given[-1])] if given else draft.values[place]
        to = each.get("to", "…")
        yield mistake(
            "material-source",
            f"a material has {' and '.join(f'`{key}`' for key in given) or 'neither `repo` nor `folder`'}",
            where,
            why="it is of a git repository (`repo`, perhaps a branch of it, `ref`), or a folder of yours (`folder`)",
            hint=f"write `{{repo: https://…, to: {to}}}` or `{{folder: …, to: {to}}}`",
        )


def _apart(draft: Draft, keys: Keys, materials: list[dict[str, str]]) -> Iterator[HubError]:
    folders: list[str] = []
    for index, each in enumerate(materials):
        to = each.get("to")
        if to is None:
            continue
        for other in folders:
            if f"{to}/".startswith(f"{other}/") or f"{other}/".startswith(f"{to}/"):
                yield mistake(
                    "materials-overlap",
                    f"two materials are in the same folder of the home: `{other}` and `{to}`",
                    draft.values.get((*keys, index, "to"), draft.values[keys]),
                    why="each repository has a folder of its own, outside of the others'",
                    hint="give one of them another `to`",
                )
        folders.append(to)
