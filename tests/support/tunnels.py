"""A fleet with a tunnel: what its inventory says, and what follows from it."""

from __future__ import annotations

TUNNEL = "tunnels:\n  dti: {{from: front, to: gpu, service: task_api, listen: 8080{address}}}\n"
ECHO = "  echo: {from: [front, stranger], to: gpu, port: 7000, listen: 9000}\n"
NODES = {
    "front": "proxy: {hostname: demos, tunnel: dti, timeout: 90, max_body_mb: 3}",
    "gpu": "task_api: {workers: 1, operator_token: true}",
    "stranger": "{}",
}


def port_of(generation: int) -> int:
    """Return the far end's port for a generation of the key."""
    return 8080 + (generation - 1) % 2
