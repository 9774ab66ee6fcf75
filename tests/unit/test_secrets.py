"""The encrypted file beside the inventory: who opens it, what it never shows, and how it is replaced."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from provision import keys
from provision.errors import Exit, HubError
from provision.inventory.load import load
from provision.secrets import model
from provision.secrets.model import Document
from provision.secrets.store import SecretStore
from provision.secrets.value import Secret

VALUE = "correct-horse-battery-staple"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  front: {size: s-1vcpu-2gb, image: debian-13-x64}
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the operator's own files out."""
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("HUBCTL_AGE_KEY", raising=False)


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    """The store of a new fleet."""
    inventory = tmp_path / "lab.yml"
    inventory.write_text(INVENTORY)
    return SecretStore(load(inventory), inventory)


def again(store: SecretStore) -> SecretStore:
    """The same file, as another process opens it."""
    inventory = store.path.with_suffix(".yml")
    return SecretStore(load(inventory), inventory)


def filled(store: SecretStore, value: str = VALUE) -> Document:
    document = store.read().with_secret("mail/password", model.replaced((), Secret(value), NOW))
    store.write(document)
    return document


def operator_key(tmp_path: Path) -> Path:
    return keys.own_key_path("lab", tmp_path / "lab.yml")


def test_what_is_written_is_read_again(store: SecretStore) -> None:
    document = filled(store)
    assert again(store).read() == document
    assert document.generations("mail/password")[0].reveal() == VALUE


def test_the_file_shows_recipients_and_nothing_else(store: SecretStore) -> None:
    filled(store)
    text = store.path.read_text()
    assert store.read().recipients[0] in text
    assert "hubctl secrets" in text
    for hidden in (VALUE, "mail", "password", "generation"):
        assert hidden not in text.replace("`hubctl secrets`", "")


def test_only_its_owner_may_read_the_file(store: SecretStore) -> None:
    old = os.umask(0)
    try:
        filled(store)
    finally:
        os.umask(old)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_age_itself_opens_it(store: SecretStore, tmp_path: Path) -> None:
    filled(store)
    armor = store.path.read_text().partition("-----BEGIN")
    identity = pyrage.ssh.Identity.from_buffer(operator_key(tmp_path).read_bytes())
    plain = json.loads(pyrage.decrypt("".join(armor[1:]).encode(), [identity]))
    assert plain["secrets"]["mail/password"][0]["value"] == VALUE


def test_a_write_that_fails_leaves_the_file_as_it_was(
    store: SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store)
    before = store.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        filled(store, "another")
    assert store.path.read_bytes() == before
    assert list(store.path.parent.glob(".*")) == []


def test_another_operators_key_is_refused_with_the_way_in(store: SecretStore, tmp_path: Path) -> None:
    filled(store)
    path = operator_key(tmp_path)
    path.write_text(keys.make("other").private)
    with pytest.raises(HubError) as caught:
        again(store).read()
    assert caught.value.code == "wrong-identity"
    assert caught.value.exit_code == Exit.NOT_ALLOWED
    assert str(path) in caught.value.why
    assert "recipients add" in caught.value.hint


def test_without_any_key_the_places_looked_at_are_named(store: SecretStore, tmp_path: Path) -> None:
    filled(store)
    operator_key(tmp_path).unlink()
    with pytest.raises(HubError) as caught:
        again(store).read()
    assert caught.value.code == "no-identity"
    assert str(operator_key(tmp_path)) in caught.value.why
    assert "HUBCTL_AGE_KEY" in caught.value.why


def test_a_key_with_a_passphrase_is_said(store: SecretStore, tmp_path: Path) -> None:
    filled(store)
    path = operator_key(tmp_path)
    path.unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "locked", "-f", str(path), "-C", ""], check=True
    )
    with pytest.raises(HubError) as caught:
        again(store).read()
    assert (caught.value.code, caught.value.why) == ("bad-identity", "it has a passphrase")


@pytest.mark.parametrize("as_file", [True, False])
def test_ci_brings_its_own_age_key(
    store: SecretStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_file: bool
) -> None:
    job = pyrage.x25519.Identity.generate()
    document = filled(store)
    store.write(Document((*document.recipients, str(job.to_public())), document.secrets))
    operator_key(tmp_path).unlink()
    (tmp_path / "age.txt").write_text(f"# created for CI\n{job}\n")
    monkeypatch.setenv("HUBCTL_AGE_KEY", str(tmp_path / "age.txt") if as_file else str(job))
    assert again(store).read().generations("mail/password")[0].reveal() == VALUE


def test_a_broken_key_of_ci_is_said_and_not_shown(
    store: SecretStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filled(store)
    operator_key(tmp_path).unlink()
    broken = str(pyrage.x25519.Identity.generate())[:-4]
    for given in (broken, broken.removeprefix("AGE-")):
        monkeypatch.setenv("HUBCTL_AGE_KEY", given)
        with pytest.raises(HubError) as caught:
            again(store).read()
        assert caught.value.code == "bad-identity"
        shown = f"{caught.value.as_dict()}{''.join(traceback.format_exception(caught.value))}"
        assert given not in shown


def test_recipients_changed_by_hand_are_refused(store: SecretStore) -> None:
    filled(store)
    intruder = pyrage.x25519.Identity.generate().to_public()
    text = store.path.read_text()
    store.path.write_text(text.replace("-----BEGIN", f"# recipient: {intruder}\n-----BEGIN", 1))
    with pytest.raises(HubError) as caught:
        again(store).read()
    assert caught.value.code == "recipients-altered"


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied"])
def test_a_damaged_file_is_said(store: SecretStore, damage: str) -> None:
    filled(store)
    text = store.path.read_text()
    middle = text.index("-----END") - 40
    swapped = "A" if text[middle] != "A" else "B"
    texts = {"cut": text[:middle], "changed": text[:middle] + swapped + text[middle + 1 :], "emptied": ""}
    store.path.write_text(texts[damage])
    with pytest.raises(HubError) as caught:
        again(store).read()
    assert caught.value.code == "secrets-damaged"
    assert "git checkout" in caught.value.hint


def test_damaged_content_is_never_quoted(store: SecretStore, tmp_path: Path) -> None:
    from provision.secrets import codec

    for text in (f'{{"format": 1, "recipients": ["{VALUE}"', f'["{VALUE}"]', f'{{"format": "{VALUE}"}}'):
        with pytest.raises(ValueError) as caught:
            codec.decode(text.encode())
        assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_one_process_changes_the_secrets_at_a_time(store: SecretStore) -> None:
    with store.locked(), store.locked():
        with pytest.raises(HubError) as caught, again(store).locked():
            pass
        assert (caught.value.code, caught.value.exit_code) == ("secrets-locked", Exit.LOCKED)
    with again(store).locked():
        pass


def test_a_value_is_in_no_text_of_the_document(store: SecretStore) -> None:
    document = filled(store)
    assert VALUE not in repr(document) + str(document.secrets)
    with pytest.raises(TypeError):
        json.dumps(document.generations("mail/password")[0].value)


def test_age_is_loaded_only_where_secrets_are(tmp_path: Path) -> None:
    program = "import sys, provision.cli, provision.actions.deploy; print('pyrage' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "A", "a b", "../x", "a/-b", "x" * 201])
def test_names_are_paths_of_plain_words(name: str) -> None:
    with pytest.raises(HubError) as caught:
        model.checked_name(name)
    assert caught.value.code == "bad-secret-name"


class TestARotation:
    """The walk of a secret's generations."""

    first = model.replaced((), Secret("one"), NOW)

    @staticmethod
    def statuses(generations: model.Generations) -> list[tuple[int, str]]:
        return [(item.number, item.status) for item in generations]

    def test_goes_from_one_current_generation_to_the_next(self) -> None:
        begun = model.begun(self.first, Secret("two"), NOW)
        assert self.statuses(begun) == [(1, "current"), (2, "next")]
        promoted = model.promoted(begun)
        assert self.statuses(promoted) == [(1, "former"), (2, "current")]
        retired = model.retired(promoted)
        assert self.statuses(retired) == [(1, "retired"), (2, "current")]
        assert self.statuses(model.forgotten(retired)) == [(2, "current")]

    def test_keeps_a_generation_in_use_in_every_state(self) -> None:
        state = model.begun(self.first, Secret("two"), NOW)
        for step in (lambda same: same, model.promoted, model.retired, model.forgotten):
            state = step(state)
            assert model.current(state) is not None

    def test_drops_the_former_value_before_it_is_erased_elsewhere(self) -> None:
        retired = model.retired(model.promoted(model.begun(self.first, Secret("two"), NOW)))
        assert retired[0].value is None
        with pytest.raises(ValueError):
            retired[0].reveal()

    def test_does_not_begin_twice(self) -> None:
        with pytest.raises(ValueError):
            model.begun(model.begun(self.first, Secret("two"), NOW), Secret("three"), NOW)

    def test_is_due_by_the_age_of_the_generation_in_use(self) -> None:
        later = NOW + timedelta(days=91)
        assert model.older_than(self.first, timedelta(days=90), later)
        assert not model.older_than(self.first, timedelta(days=92), later)
        assert not model.older_than((), timedelta(days=1), later)
