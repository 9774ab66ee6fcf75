"""The fleet's secrets: generations of values in one encrypted file beside the inventory."""
