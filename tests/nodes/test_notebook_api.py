"""notebook_api on a real node: a notebook beside the inventory is edited, broken, and its kernels are killed."""

from __future__ import annotations

import json

import pytest

from provision.errors import Exit
from tests.support.load import Load
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

NOTEBOOK = {"metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def write(fleet, *cells, tests=()):
    """Save the notebook: code cells, and those tagged `test`."""
    tagged = [(source, []) for source in cells] + [(source, ["test"]) for source in tests]
    made = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {"tags": tags},
            "outputs": [],
            "execution_count": None,
        }
        for source, tags in tagged
    ]
    (fleet.folder / "lab.ipynb").write_text(json.dumps({**NOTEBOOK, "cells": made}))


def word(text):
    return f"# GET /word\n# @answer true\nprint('\"{text}\"')", "# ResponseInfo GET /word\nprint(JSON)"


JSON = """JSON = '{"headers": {"Content-Type": "application/json"}}'"""
FAIL = "# GET /fail\nraise ValueError('only for the journal')"


@pytest.fixture(scope="module")
def lab(make_fleet):
    fleet = make_fleet({"lab": "notebook_api: {hostname: lab, notebook: lab.ipynb, kernels: 2}"})
    write(fleet, JSON, *word("first"), FAIL)
    fleet.done("create-node", "lab")
    yield fleet
    fleet.done("destroy-node", "lab", "--yes")


def said(lab):
    return lab.site("lab", "lab").ask("GET", "/word")


def test_a_saved_notebook_serves_after_a_deploy_and_no_request_fails(lab):
    assert eventually(lambda: said(lab) == (200, "first"))
    with Load(lab.site("lab", "lab"), fresh=1, kept=1, path="/word", status=200) as load:
        load.wait_for(20)
        write(lab, JSON, *word("second"), FAIL, tests=["assert ask('GET', '/word') == (200, 'second')"])
        lab.done("deploy", "lab")
        load.wait_for(20)
    assert load.failures == []
    assert said(lab) == (200, "second")


@pytest.mark.parametrize(
    ("cells", "tests", "why"),
    [
        (("1 / 0",), (), "lab.ipynb: cell 4: ZeroDivisionError: division by zero"),
        (("# GET /word\n# @tokn",), (), "lab.ipynb: cell 4: there is no option `@tokn`"),
        ((), ("assert False, 'not so'",), "lab.ipynb: cell 4: AssertionError: not so"),
    ],
    ids=["first run", "option", "test"],
)
def test_a_notebook_that_is_not_fit_is_refused_and_the_former_one_serves_on(lab, cells, tests, why):
    write(lab, JSON, *word("third"), *cells, tests=tests)
    done = lab.hubctl("deploy", "lab")
    assert done.status == Exit.FAILED
    assert "[release-unhealthy]" in done.stderr
    assert why in done.stderr
    assert said(lab) == (200, "second")


def test_kernels_that_are_all_killed_are_replaced(lab):
    lab.ssh("lab", "pkill", "-9", "-f", "ipykernel_launcher")
    assert eventually(lambda: said(lab) == (200, "second"))
    health = eventually(
        lambda: answer if (answer := lab.site("lab", "lab").ask("GET", "/health"))[0] == 200 else None
    )
    assert health[1]["healthy"] == 2


def test_what_an_exception_says_is_in_the_journal_alone(lab):
    status, answer = lab.site("lab", "lab").ask("GET", "/fail")
    assert (status, set(answer)) == (500, {"reason", "message", "id"})
    journal = "journalctl -u 'notebook_api@*' --output cat"
    told = eventually(lambda: lab.shell("lab", journal).partition(answer["id"])[2])
    assert "ValueError: only for the journal" in told
