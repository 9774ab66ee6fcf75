"""What task_api says about itself: its data are tasks, and a queue of them is being computed meanwhile."""

from tests.support.contract import Contract
from tests.support.site import Site
from tests.support.tasks import EXAMPLE, SLOW, Posted


def put(site: Site) -> Posted:
    posted = Posted(site)
    posted.post(SLOW)
    posted.post(EXAMPLE, 2)
    return posted


def kept(_: Site, posted: Posted) -> None:
    posted.assert_all_right()


CONTRACT = Contract(
    nodes={"apis": "task_api: {hostname: tasks, workers: 1, result_expires: 3600, operator_token: true}"},
    node="apis",
    host="tasks",
    path="/status/none",
    status=404,
    put=put,
    kept=kept,
    module="task_api/wsgi.py",
)
