"""The worked example of docs/extending.md on a real node: being in the list, it gets the contract suite, and passes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.example import copy_tree, follow

pytestmark = pytest.mark.nodes
SHOWN = ("first_deploy", "second_deploy", "update_and_a_rollback", "secrets_are_rotated", "taken_out")


@pytest.fixture(scope="module")
def tree(nodes_possible, tmp_path_factory):
    """A hubctl with the service that the page describes."""
    folder = copy_tree(tmp_path_factory.mktemp("tree"))
    follow(folder)
    return folder


def test_it_deploys_over_https_is_updated_rolled_back_rotated_and_comes_back(tree):
    wanted = f"hello and ({' or '.join(SHOWN)})"
    words = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n0",
        "tests/contract/test_services.py",
        "-k",
        wanted,
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, *words], cwd=tree, env=clean, capture_output=True, text=True, timeout=540
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SHOWN)} passed" in done.stdout
