"""Notebooks whose annotated cells answer HTTP requests, in kernels that are kept ready."""
