"""What proxy says about itself: a site on one node for a service on another, which are asked through a tunnel."""

from tests.support.contract import Contract

CONTRACT = Contract(
    nodes={"front": "proxy: {hostname: demos, tunnel: far}", "far": "task_api: {workers: 1}"},
    more="tunnels:\n  far: {from: front, to: far, service: task_api, listen: 8080}\n",
    node="front",
    host="demos",
    boundaries=tuple(
        f"{resource}:{stage}"
        for resource in ("checked-files:nginx-proxy",)
        for stage in ("before", "journaled", "written", "after")
    ),
)
