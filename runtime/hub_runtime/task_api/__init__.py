"""Stable configurations of binding networks as an HTTP service with queue workers."""
