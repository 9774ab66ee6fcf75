"""The application for a WSGI server: ``hub_runtime.task_api.wsgi:app``."""

from .app import create_app
from .settings import load

app = create_app(load())
