"""The language, the messages, and every case whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub_runtime.tbn import errors, limits
from hub_runtime.tbn.model import spelled
from hub_runtime.tbn.parse import parse
from hub_runtime.tbn.solve import Entropy, Progress, solve

CASES = json.loads((Path(__file__).parent / "data" / "tbn_cases.json").read_text())["cases"]
EVERY_STABLE_UP_TO = 10_000


def answer(monomers: Any, constraints: Any = (), **options: Any) -> tuple[int, list[Any]]:
    network = parse(monomers, constraints)
    events = list(solve(network, **options))
    entropy = next(event.polymers for event in events if isinstance(event, Entropy))
    return entropy, [spelled(network, event) for event in events if isinstance(event, tuple)]


def message(monomers: Any, constraints: Any = ()) -> str:
    with pytest.raises(errors.TBNError) as caught:
        answer(monomers, constraints)
    return str(caught.value)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.timeout(120)
def test_the_answer_is_the_verified_one(case: Any) -> None:
    request, expect = case["request"], case["expect"]
    options = {name: request[name] for name in ("gen", "init_k") if name in request}
    if expect["outcome"] == "TBNException":
        with pytest.raises(errors.TBNError) as caught:
            answer(request["monomers"], request.get("constraints", []), **options)
        assert str(caught.value) == expect["message"]
        return
    entropy, found = answer(request["monomers"], request.get("constraints", []), **options)
    assert entropy == expect["entropy"]
    assert [len(config) for config in found] == expect["polymers_counts"]
    for config in found:
        tokens = sorted(sorted(monomer) for polymer in config for monomer in polymer)
        assert tokens == sorted(sorted(row) for row in request["monomers"])


COUNTED = [case for case in CASES if case["expect"].get("distinct_stable") is not None]


@pytest.mark.parametrize("case", COUNTED, ids=[case["name"] for case in COUNTED])
@pytest.mark.timeout(120)
def test_all_best_configurations_are_listed(case: Any) -> None:
    request, expect = case["request"], case["expect"]
    least = expect["best_polymers"] or 1
    _, found = answer(
        request["monomers"], request.get("constraints", []), gen=EVERY_STABLE_UP_TO, init_k=least
    )
    assert len(found) == expect["distinct_stable"]
    assert {len(config) for config in found} <= {least}
    assert len({str(config) for config in found}) == len(found)


def test_tokens_of_a_row_may_share_a_string() -> None:
    assert answer([["a b", "c >m"], ["a*  b*"]]) == answer([["a", "b", "c", ">m"], ["a*", "b*"]])


def test_comments_and_rows_without_sites_are_no_monomers() -> None:
    assert answer([["a", "# b c"], ["#", "all"], [], ["a*#x"], [">only"]]) == (1, [[[("a",), ("a*",)]]])


def test_a_name_ends_its_row() -> None:
    assert answer([["a", ">m", "a*"]]) == (1, [[[("a", ">m")]]])


def test_equal_rows_are_interchangeable_and_named_ones_are_not() -> None:
    assert len(answer([["a"], ["a"], ["a*"]], gen=9)[1]) == 1
    assert len(answer([["a", ">x"], ["a", ">y"], ["a*"]], gen=9)[1]) == 2


def test_rows_are_answered_as_written() -> None:
    _, found = answer([["b", "a:s"], ["a*", ">x"], ["b*", "c"]])
    assert found == [[[("a*", ">x"), ("b", "a:s"), ("b*", "c")]]]


@pytest.mark.parametrize(
    ("monomers", "constraints", "says"),
    [
        (
            [["a", ">"]],
            [],
            "Empty Monomer name. 'a >'. Note that any whitespace after the monomer name keyword is ignored.",
        ),
        ([["a*x"]], [], "Invalid BindingSite name. 'a*x'"),
        ([["a**:s"]], [], "Invalid BindingSite name. 'a**:s'"),
        ([["a:"]], [], "Invalid BindingSite name. 'a:'"),
        ([[":s"]], [], "Invalid BindingSite name. ':s'"),
        ([["a"]], [["FREE"]], "Constraint 'FREE' takes 1 arguments, got 0. 'FREE'"),
        ([["a"]], [["ANYPAIRED", "s"]], "BindingSite 's' does not exist. 'ANYPAIRED s'"),
        (
            [["a:s"]],
            [["ANYPAIRED", "s"]],
            "Binding Site [s] does not have any complementary binding sites in the system.",
        ),
        (
            [["a", ">x"], ["b"]],
            [["NOTFREE", "x"]],
            "Monomer [x] cannot be together with any other Monomer in any valid configuration.",
        ),
    ],
)
def test_messages_are_those_clients_know(monomers: Any, constraints: Any, says: str) -> None:
    assert message(monomers, constraints) == says


def test_partition_semantics_lets_unbonded_monomers_share_a_polymer() -> None:
    network = [["a", "b"], ["a*", "b*"], ["a", ">m"], ["b"]]
    constraint = [["NOTFREE", "m"]]

    def counts(real_bonds: bool) -> list[int]:
        return [len(each) for each in answer(network, constraint, gen=9, real_bonds=real_bonds)[1]]

    assert counts(real_bonds=True) == [2, 2]
    assert counts(real_bonds=False) == [2, 2, 2, 1]


def test_no_configuration_is_asked_for_and_one_is_given_unless_there_are_constraints() -> None:
    assert len(answer([["a"]], gen=0)[1]) == 1
    assert answer([["a", ">m"]], [["FREE", "m"]], gen=0) == (1, [])


def test_a_network_too_large_for_the_clauses_is_refused_in_words() -> None:
    rows = [["a", "a"], ["a*", "a*"]] * 172
    assert answer(rows)[0] == 172
    with pytest.raises(errors.TooLargeError, match=r"344 monomers .* \(at most 342\)"):
        answer(rows, gen=2)


def test_what_was_found_comes_before_a_refusal() -> None:
    events = solve(parse([["a", "a"], ["a*", "a*"]] * 172), gen=2)
    found = []
    with pytest.raises(errors.TooLargeError):
        found.extend(events)
    assert [len(event) for event in found if isinstance(event, tuple)] == [172]


def test_with_constraints_a_network_too_large_is_refused_before_any_work() -> None:
    network = parse([["a", "a", ">m"], *[["a", "a"], ["a*", "a*"]] * 172], [["NOTFREE", "m"]])
    with pytest.raises(errors.TooLargeError, match="too large"):
        next(solve(network))
    assert isinstance(next(solve(network, gen=0)), Progress)


def test_the_limits_of_monomers_and_of_clauses_agree() -> None:
    assert limits.clauses_of(limits.MOST_CONNECTED) <= limits.MOST_CLAUSES
    assert limits.clauses_of(limits.MOST_CONNECTED + 1) > limits.MOST_CLAUSES


def test_bonds_too_few_to_join_more_need_no_search() -> None:
    assert answer([["a"], ["a*"]] * 175, gen=2) == (175, [[[("a",), ("a*",)]] * 175])


def test_a_polymer_of_a_thousand_kinds_is_filled() -> None:
    rows = [["a*"] * 1_000, *[["a", f"only{number}"] for number in range(1_001)]]
    _, found = answer(rows, gen=2)
    assert [[len(polymer) for polymer in config] for config in found] == [[1_001, 1]] * 2
