"""How tests are spread over processes."""

from tests.support.groups import grouped


def test_tests_of_one_fleet_stay_together_whatever_file_they_are_in():
    assert grouped([("a", {"deployed"}), ("b", {"deployed"}), ("b", set())]) == ["deployed", "deployed", "b"]


def test_tests_of_no_fleet_stay_with_their_file():
    assert grouped([("a", set()), ("b", set()), ("a", set())]) == ["a", "b", "a"]


def test_fleets_that_any_test_uses_together_are_one_group():
    tests = [("a", {"one"}), ("b", {"two"}), ("c", {"three"}), ("d", {"one", "two"})]
    assert grouped(tests) == ["one+two", "one+two", "three", "one+two"]
