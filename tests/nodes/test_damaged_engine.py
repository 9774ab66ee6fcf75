"""An engine that was damaged on its node is not run: it is sent again, and the deploy is done."""

import pytest

from tests.support import small

pytestmark = pytest.mark.nodes

FILES = "find /var/lib/hubctl/engine -type f"
DAMAGE = {
    "emptied": f"{FILES} -exec truncate -s 0 {{}} +",
    "cut": f"{FILES} -exec truncate -s 1000 {{}} +",
    "removed": f"{FILES} -delete",
    "a folder": f"for file in $({FILES}); do rm $file; mkdir $file; done",
}


def test_a_damaged_engine_is_sent_again(bare, tmp_path):
    bare.done("deploy")
    for number, script in enumerate([*DAMAGE.values()][:3]):
        bare.shell(small.NODE, script)
        other = bare.planned(tmp_path / str(number), small.plan(f"text-{number}"))
        done = other.done("deploy")
        assert "0 changed" not in done.stdout
        assert bare.ssh(small.NODE, "cat", f"{small.FOLDER}/a") == f"text-{number}\n"
    bare.done("deploy")


def test_where_the_engine_cannot_be_kept_that_is_the_error(bare):
    bare.done("deploy")
    bare.shell(small.NODE, DAMAGE["a folder"])
    done = bare.hubctl("deploy")
    bare.shell(small.NODE, "rm -r /var/lib/hubctl/engine")
    assert done.status == 1
    assert "the engine could not be started on box [engine-not-started]" in done.stderr
    assert "Is a directory" in done.stderr
    assert "Traceback" not in done.stderr
    bare.done("deploy")
