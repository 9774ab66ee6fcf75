"""The web process: ``python -m hub_runtime.notebook_api.web``."""

from .serve import main

if __name__ == "__main__":
    main()
