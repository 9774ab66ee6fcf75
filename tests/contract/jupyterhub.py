"""What jupyterhub says about itself: its data are notebooks, and a kernel computes meanwhile."""

from tests.support.contract import Contract
from tests.support.fleet import Fleet
from tests.support.hub import HUB, NODE, User, add_user
from tests.support.site import Site

NAME, PASSWORD = "ada", "analytical-engine"
NOTEBOOK = "lesson.ipynb"


def by_hand(fleet: Fleet) -> None:
    add_user(fleet, NODE, NAME, PASSWORD)


def user(site: Site) -> User:
    found = User(site, NAME, PASSWORD)
    assert found.log_in().ok
    found.start()
    return found


def put(site: Site) -> None:
    ada = user(site)
    assert ada.run(ada.kernel(), "5*4") == "20"
    ada.save(NOTEBOOK, "5*4")


def kept(site: Site, _: None) -> None:
    assert user(site).cells(NOTEBOOK) == ["5*4"]


CONTRACT = Contract(
    nodes={NODE: HUB.replace("}", f", users: [{NAME}]}}")},
    node=NODE,
    host="hub",
    path="/hub/health",
    put=put,
    kept=kept,
    by_hand=by_hand,
    boundaries=tuple(
        f"{resource}:{stage}"
        for resource in ("checked-files:jupyterhub", "unit:jupyterhub.service")
        for stage in ("before", "after")
    ),
)
