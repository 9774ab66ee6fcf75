"""How tests are spread over processes, and what is kept of their durations."""

from tests.support.durations import plain
from tests.support.groups import grouped


def test_tests_of_one_fleet_stay_together_whatever_file_they_are_in():
    assert grouped([("a", {"deployed"}), ("b", {"deployed"}), ("b", set())]) == ["deployed", "deployed", "b"]


def test_tests_of_no_fleet_stay_with_their_file():
    assert grouped([("a", set()), ("b", set()), ("a", set())]) == ["a", "b", "a"]


def test_fleets_that_any_test_uses_together_are_one_group():
    tests = [("a", {"one"}), ("b", {"two"}), ("c", {"three"}), ("d", {"one", "two"})]
    assert grouped(tests) == ["one+two", "one+two", "three", "one+two"]


def test_durations_are_kept_by_the_names_of_tests_without_their_groups():
    assert plain("tests/x.py::test_a@deployed") == "tests/x.py::test_a"
    assert plain("tests/x.py::test_a[me@here]") == "tests/x.py::test_a[me@here]"
    assert plain("tests/x.py::test_a[me@here]@tests/x.py") == "tests/x.py::test_a[me@here]"
