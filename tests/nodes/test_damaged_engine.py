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
    for number, script in enumerate(DAMAGE.values()):
        bare.shell(small.NODE, script)
        other = bare.planned(tmp_path / str(number), small.plan(f"text-{number}"))
        done = other.done("deploy")
        assert "0 changed" not in done.stdout
        assert bare.ssh(small.NODE, "cat", f"{small.FOLDER}/a") == f"text-{number}\n"
    bare.done("deploy")
