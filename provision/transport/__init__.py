"""The way to a node: SSH with pinned host keys, and the engine's protocol on it."""
