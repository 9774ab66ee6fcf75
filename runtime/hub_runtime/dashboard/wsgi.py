"""The application for a WSGI server: ``hub_runtime.dashboard.wsgi:app``."""

from .app import create_app
from .settings import load

app = create_app(load())
