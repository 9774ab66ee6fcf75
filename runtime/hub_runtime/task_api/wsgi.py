"""The application for a WSGI server: ``hub_runtime.task_api.wsgi:app``."""

from ..settings import load
from .app import create_app
from .settings import Settings

app = create_app(load(Settings))
