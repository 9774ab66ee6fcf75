"""What notebook_api says about itself: its data are what was posted to the pin-board of the bundled notebook."""

import uuid

from tests.support.contract import Contract
from tests.support.site import Site


def put(site: Site) -> dict[str, object]:
    posted = {"word": uuid.uuid4().hex}
    status, answer = site.ask("POST", "/store", posted)
    assert status == 200, answer
    return {**posted, **answer}


def kept(site: Site, posted: dict[str, object]) -> None:
    after = int(str(posted["database_id"])) - 1
    assert site.ask("GET", f"/store?after={after}&limit=1") == (200, [posted])


CONTRACT = Contract(
    nodes={"lab": "notebook_api: {hostname: lab, kernels: 2, token: true}"},
    node="lab",
    host="lab",
    path="/heartbeat",
    put=put,
    kept=kept,
    module="notebook_api/app.py",
)
