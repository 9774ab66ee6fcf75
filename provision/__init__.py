"""hubctl: one inventory file to running nodes."""

__version__ = "0.1.0"
