"""Releases of the bundled services: built, proven, switched to."""
