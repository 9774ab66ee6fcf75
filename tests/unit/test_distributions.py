"""The table of releases: what is fit for services and what is not."""

from __future__ import annotations

import platform

import pytest

from provision import distributions
from provision.distributions import DEBIAN, DEFAULT, IMAGES, UBUNTU, unfit


def test_debian_13_is_the_default() -> None:
    assert DEFAULT.slug == "debian-13-x64"


def test_every_image_of_the_table_is_fit() -> None:
    slugs = [image.slug for image in IMAGES]
    assert sorted(slugs) == ["debian-12-x64", "debian-13-x64", "ubuntu-24-04-x64", "ubuntu-26-04-x64"]
    assert [unfit(slug) for slug in slugs] == [""] * 4


@pytest.mark.parametrize(
    "slug", ["debian-14-x64", "ubuntu-24-10-x64", "ubuntu-28-04-x64", "workshop-2026", "my-image"]
)
def test_newer_releases_and_images_of_ones_own_are_taken(slug: str) -> None:
    assert unfit(slug) == ""


@pytest.mark.parametrize(
    ("slug", "reason"),
    [
        ("debian-11-x64", "came with Debian 12"),
        ("debian-9-x64", "came with Debian 12"),
        ("ubuntu-22-04-x64", "came with Ubuntu 24.04"),
        ("ubuntu-18-04-x64", "came with Ubuntu 24.04"),
        ("rockylinux-9-x64", "rockylinux has no apt"),
        ("fedora-42-x64", "fedora has no apt"),
    ],
)
def test_what_services_do_not_run_on_is_unfit_for_a_reason(slug: str, reason: str) -> None:
    assert reason in unfit(slug)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.slug)
def test_what_differs_is_plausible(image: distributions.Image) -> None:
    """The engine runs on Python 3.9 and newer, services on 3.10; PostgreSQL 15 is the oldest that is used."""
    assert image.slug.startswith(f"{image.distribution.name}-{image.name.split()[0].replace('.', '-')}-")
    assert image.python >= (3, 11)
    assert image.postgresql >= 15
    assert image.ssh_socket == (image.distribution is UBUNTU)


def test_the_table_agrees_with_the_computer_it_is_tested_on() -> None:
    release = platform.freedesktop_os_release()
    here = [image for image in IMAGES if image.suite == release.get("VERSION_CODENAME")]
    if not here:
        pytest.skip(f"{release.get('PRETTY_NAME')} is none of the table")
    assert here[0].distribution in (DEBIAN, UBUNTU)
    assert here[0].distribution.name == release["ID"]
