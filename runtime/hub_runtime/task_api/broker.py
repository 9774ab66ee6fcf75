"""Celery as the way a task's id travels from the API to a worker; what is to be done is in the store.

The name of the task, the queue and the message (the id alone) never change, so workers and APIs of
different releases understand one another.
"""

from __future__ import annotations

from celery import Celery

from .settings import Settings
from .store import BROKER_PREFIX, QUEUE

TASK = "task_api.compute"
MARGIN = 60


def create(settings: Settings) -> Celery:
    """A Celery application connected to the broker, without tasks."""
    app = Celery("task_api", broker=_broker_url(settings.redis_url), set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.workers,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,  # a full Redis answers, but takes nothing
        broker_transport_options={
            "visibility_timeout": settings.timeout * 2 + MARGIN,
            "global_keyprefix": BROKER_PREFIX,
            "socket_keepalive": True,
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
        },
    )
    return app


def send(app: Celery, job: str) -> None:
    """Put a task's id into the queue.

    Raises:
        kombu.exceptions.OperationalError: the broker is out of reach.
    """
    app.send_task(
        TASK,
        args=[job],
        task_id=job,
        retry=True,
        retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2},
    )


def _broker_url(redis_url: str) -> str:
    """Kombu's spelling of a Redis URL."""
    if redis_url.startswith("unix://"):
        path, _, query = redis_url.removeprefix("unix://").partition("?")
        database = next(
            (part.removeprefix("db=") for part in query.split("&") if part.startswith("db=")), "0"
        )
        return f"redis+socket://{path}?virtual_host={database}"
    return redis_url
