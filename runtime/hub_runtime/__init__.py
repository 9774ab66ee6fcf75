"""What runs on the nodes: HTTP services, queue workers and the programs they share."""

__version__ = "0.1.0"
