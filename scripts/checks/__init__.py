"""What each service is asked to show that it works, one file a service: `check(site, hubctl)` returns what came back.

A check raises `Failed` when the answer is not the right one.
"""
