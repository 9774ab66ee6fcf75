"""The users of a hub: accounts of the system, in two groups."""
