"""`python -m provision.cloud.local`: the daemon of an instance, and the broom for what tests left behind."""

from __future__ import annotations

import argparse
import sys

from . import instance


def main() -> None:
    """Run what the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m provision.cloud.local")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the API and DNS of an instance in the foreground")
    serve.add_argument("name")
    sweep = commands.add_parser("sweep", help="remove instances PREFIX-PID-... whose process is gone")
    sweep.add_argument("prefix")
    arguments = parser.parse_args()
    if arguments.command == "sweep":
        from .lifecycle import sweep as sweep_instances

        sweep_instances(arguments.prefix, report=lambda line: print(line, file=sys.stderr))  # noqa: T201
    else:
        from .daemon import main as serve_instance

        serve_instance(instance.load(arguments.name))


if __name__ == "__main__":
    main()
