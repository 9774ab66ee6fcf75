"""A line that cuts, stalls, flips bits or delays, wherever it does: one clear error, and the next run does the rest."""

import itertools
import random

import pytest

from provision.node.resources import Command, File
from tests.hostile.conftest import GOOD
from tests.support import small
from tests.support.lines import Fault, line_to

pytestmark = pytest.mark.nodes

DOCUMENTED = {0, 1, 2, 64, 65, 69, 75, 77}
COUNTED = "/var/tmp/hubctl-counted"
_numbers = itertools.count()


def plan(text):
    """The small plan with a file that makes the request long, and a command that says how often it was run."""
    filler = File(f"{small.FOLDER}/filler", random.Random(text).randbytes(30_000).hex())
    cause = f"file:{small.FOLDER}/a"
    counted = Command("counted", ("sh", "-c", f"echo {text} >> {COUNTED}"), on=(cause,))
    return small.plan(text, filler, counted)


class Trial:
    """A deploy of something new over a bad line, and another over a good one."""

    def __init__(self, crowd, folder):
        self.crowd, self.folder = crowd, folder
        self.text = f"trial{next(_numbers)}"
        self.fleet = crowd.patched(folder / self.text, resources=plan(self.text), only=True, impatient=True)

    def over(self, fault):
        """Deploy over a line with a fault; return what was done, and how many bytes went there and back."""
        with line_to(self.crowd, GOOD) as line:
            line.fault = fault
            done = self.fleet.hubctl("deploy", GOOD, seconds=120)
            return done, dict(line.carried)

    def holds(self, fault):
        """Make sure that all is as it must be."""
        done, _ = self.over(fault)
        assert done.status in DOCUMENTED, (fault, done.text)
        assert "Traceback" not in done.text, (fault, done.text)
        if done.status:
            (error,) = [line for line in done.stderr.splitlines() if "error: " in line]
            assert GOOD in error, fault
            assert "hint: " in done.stderr, fault
        else:
            assert f"{GOOD}: " in done.stdout, fault
        self.fleet.done("deploy", GOOD, "--lock-wait", "60")
        assert self.crowd.ssh(GOOD, "cat", f"{small.FOLDER}/a") == f"{self.text}\n", fault
        counted = self.crowd.ssh(GOOD, "cat", COUNTED).split()
        assert counted.count(self.text) == 1, (fault, counted)
        return done


@pytest.fixture(scope="module")
def carried(crowd, tmp_path_factory):
    """How many bytes a deploy is, there and back."""
    done, carried = Trial(crowd, tmp_path_factory.mktemp("calm")).over(None)
    assert done.status == 0, done.text
    assert carried["there"] > 20_000
    yield carried
    crowd.ssh(GOOD, "rm", "-rf", COUNTED, f"{small.FOLDER}/filler")
    crowd.done("deploy", GOOD)


# Where on its way something happens, as parts of the whole: the request is most of what goes there.
PLACES = {
    "cut in the greeting": ("cut", "back", 0.0),
    "cut in the key exchange": ("cut", "there", 0.03),
    "cut in the request": ("cut", "there", 0.6),
    "cut in the answer": ("cut", "back", 0.8),
    "flipped in the greeting": ("flip", "back", 0.0),
    "flipped in the request": ("flip", "there", 0.6),
    "flipped in the answer": ("flip", "back", 0.8),
    "stalled in the request": ("stall", "there", 0.6),
    "delayed": ("delay", "back", 0.0),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_bad_line_is_one_clear_error_and_the_next_run_does_the_rest(crowd, carried, tmp_path, place):
    kind, way, part = place
    done = Trial(crowd, tmp_path).holds(Fault(kind, way, 4 + int(part * carried[way])))
    assert (done.status == 0) == (kind == "delay"), done.text


@pytest.mark.soak(short=0, full=100)
def test_wherever_a_line_fails(crowd, carried, tmp_path, times, chance):
    for _ in range(times):
        way = chance.choice(("there", "back"))
        kind = chance.choice(("cut", "cut", "flip", "flip", "stall", "delay"))
        Trial(crowd, tmp_path).holds(Fault(kind, way, chance.randrange(carried[way])))
