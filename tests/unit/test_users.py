"""What a class is called and which passwords it gets: names, files, cards."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.actions.sheet import page
from provision.actions.users import person
from provision.actions.users_file import parse
from provision.inventory.people import name_trouble, nearest_name
from provision.node.users.names import password_problem
from provision.node.users.spoken import CONSONANTS, SYLLABLES, VOWELS, WORDS, spoken
from provision.secrets.value import Secret

FILE = Path("class.csv")


def people(text: str) -> list[tuple[str, str | None, bool | None]]:
    rows, mistakes = parse(text, FILE)
    assert mistakes == []
    return [
        (row.person.name, None if row.person.made else row.person.password.reveal(), row.person.admin)
        for row in rows
    ]


def mistakes(text: str) -> list[tuple[int, str]]:
    return [(error.where.line, error.message) for error in parse(text, FILE)[1] if error.where]


@pytest.mark.parametrize(
    "text",
    [
        "ann\nbob\n",
        "name\nann\nbob\n",
        "\ufeffname\r\nann\r\nbob\r\n".removeprefix("\ufeff"),
        "# class\n\nann\n   \nbob",
        "ann,,\nbob,\n",
        "Name;Admin\nann;\nbob;\n",
        "ann\t\nbob\t\n",
        '"ann",""\n"bob",""\n',
    ],
)
def test_names_alone_are_enough(text: str) -> None:
    assert people(text) == [("ann", None, None), ("bob", None, None)]


def test_the_originals_lines_are_read_to_the_letter() -> None:
    """`users.txt` has `user:password`; a password may hold commas, colons and quotes."""
    text = 'ann:pass,word:"1"\n\nbob:good luck, all\neve:\n'
    assert people(text) == [
        ("ann", 'pass,word:"1"', None),
        ("bob", "good luck, all", None),
        ("eve", None, None),
    ]


def test_columns_have_any_order_and_admins_are_told_in_words() -> None:
    text = "admin,name,password\nyes,tom,\nX,ann,correct horse\nno,bob,\n,eve,\n"
    assert people(text) == [
        ("tom", None, True),
        ("ann", "correct horse", True),
        ("bob", None, False),
        ("eve", None, None),
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name,mail\nann,a@b\n", 1, "columns name, mail"),
        ("ann\nAnn Lee\n", 2, "names 'Ann Lee'"),
        ("ann\n\nbob\nann\n", 4, "a second time, after line 1"),
        ("ann,short\n", 1, "password that is not taken"),
        ("ann,,maybe\n", 1, "'maybe' for admin"),
        ("ann,,no,more\n", 1, "has 4 cells"),
        ("ann:short\n", 1, "password that is not taken"),
        (",a good long one\n", 1, "it is empty"),
    ],
)
def test_a_mistake_has_its_line(text: str, line: int, said: str) -> None:
    ((found, message),) = mistakes(text)
    assert (found, said in message) == (line, True), message


def test_no_password_is_in_a_mistake() -> None:
    text = "ann,hunter2\nbob,\teve,no\nAnn,hunter2hunter2\n"
    for error in parse(text, FILE)[1]:
        assert "hunter2" not in f"{error.message}{error.why}{error.hint}"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Ann", "ann"),
        ("Ann Müller", "ann-muller"),
        ("ann.lee@example.org", "ann-lee"),
        ("007", ""),
        ("李", ""),
        ("Straße", "strasse"),
        ("a" * 40, "a" * 32),
        ("1st", "st"),
        ("Proxy", ""),
    ],
)
def test_the_nearest_name_is_one(name: str, nearest: str) -> None:
    assert nearest_name(name) == nearest


@given(st.text())
def test_whatever_is_proposed_would_do(name: str) -> None:
    found = nearest_name(name)
    assert found == "" or name_trouble(found) == ""


def test_passwords_that_are_made_are_taken_and_hard_to_guess() -> None:
    made = {spoken() for _ in range(500)}
    assert len(made) == 500
    assert {password_problem("ann", word) for word in made} == {""}
    assert set("".join(made)) <= {*CONSONANTS, *VOWELS, "-"}
    assert not set("lqwxyzc") & {*CONSONANTS, *VOWELS}
    assert math.floor(WORDS * SYLLABLES * math.log2(len(CONSONANTS) * len(VOWELS))) == 49


def test_cards_hold_what_is_written_on_them_and_nothing_more() -> None:
    text = page([person("ann", Secret("<b>&amp;\"'"))], "https://hub.lab.test", "hub <1>")
    assert "&lt;b&gt;&amp;amp;&quot;&#x27;" in text
    assert "<b>" not in text
    assert "hub &lt;1&gt;" in text
    assert "<script" not in text
