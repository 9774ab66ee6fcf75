"""What dashboard says about itself: its data are the saves of a class."""

import uuid

from tests.contract.jupyterhub import by_hand, user
from tests.support.contract import Contract
from tests.support.hub import HUB, NODE
from tests.support.site import Site
from tests.support.waiting import eventually


def put(site: Site) -> str:
    name = f"{uuid.uuid4().hex}.ipynb"
    user(site).save(name, "5*4")
    return name


def kept(site: Site, name: str) -> None:
    ada = user(site)

    def sources() -> list[list[str]]:
        path = f"/services/dashboard/summaries?filename={name}"
        summaries = ada.ask("GET", path, headers=ada.headers).json()
        return [[cell["source"] for cell in each["cells"]] for each in summaries]

    assert eventually(lambda: sources() == [["5*4"]])


CONTRACT = Contract(
    nodes={NODE: f"{{{HUB}, dashboard: {{}}}}"},
    node=NODE,
    host="hub",
    path="/services/dashboard/health",
    put=put,
    kept=kept,
    module="dashboard/wsgi.py",
    finds=HUB,
    by_hand=by_hand,
)
