"""The half that runs on the node: check, apply, journal. Standard library only, Python 3.9 or newer."""
