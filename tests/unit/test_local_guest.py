"""What a machine gets from its host: package archives, Python indexes, trust, network, cloud-init's seed."""

from __future__ import annotations

import configparser
import ipaddress
import json
import stat
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from provision.cloud.local import apt, cloudinit, guest, images, registries
from provision.cloud.local.disk import Disk
from provision.distributions import DEFAULT, IMAGES

SOURCES = """\
# comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/x.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.example/
Suites: bookworm
"""


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    base, layer = tmp_path / "base", tmp_path / "layer"
    (base / "etc/ssl/certs").mkdir(parents=True)
    (base / "etc/secret").mkdir(mode=0o700)
    layer.mkdir()
    return Disk(base, layer)


class TestDisk:
    def test_reads_fall_through_and_writes_do_not(self, disk: Disk) -> None:
        (disk.base / "etc/file").write_text("base")
        assert disk.read("etc/file") == "base"
        disk.write("etc/file", "own")
        assert disk.read("etc/file") == "own"
        assert (disk.base / "etc/file").read_text() == "base"
        assert disk.read("etc/none") == ""

    def test_folders_keep_the_mode_of_the_base(self, disk: Disk) -> None:
        disk.write("etc/secret/file", "x", 0o600)
        assert stat.S_IMODE((disk.layer / "etc/secret").stat().st_mode) == 0o700
        assert stat.S_IMODE((disk.layer / "etc").stat().st_mode) == stat.S_IMODE(
            (disk.base / "etc").stat().st_mode
        )
        assert stat.S_IMODE((disk.layer / "etc/secret/file").stat().st_mode) == 0o600

    def test_a_link_is_never_written_through(self, disk: Disk, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("safe")
        disk.link("etc/file", str(tmp_path / "outside"))
        with pytest.raises(OSError, match="symbolic links"):
            disk.write("etc/file", "x")
        assert (tmp_path / "outside").read_text() == "safe"


class TestArchives:
    def test_both_styles_of_sources_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "sources.list.d").mkdir()
        (tmp_path / "sources.list").write_text(
            "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main # x\n#deb http://no.example x y\n"
            "deb-src http://no.example bookworm main\n"
        )
        (tmp_path / "sources.list.d/debian.sources").write_text(SOURCES)
        found = apt.host_sources(tmp_path)
        assert [source.uri for source in found] == [
            "http://a.example/debian",
            "http://mirror.example/debian",
            "http://mirror.example/debian-security",
        ]
        assert found[0].signed_by == "/k.gpg"
        assert found[1].suites == ("bookworm", "bookworm-updates")
        assert found[1].components == ("main", "contrib")
        assert found[2].signed_by == ""

    def test_another_release_comes_from_the_same_mirror(self) -> None:
        vendor = apt.Source("http://vendor.example", ("stable",), ("main",))
        entries = [*apt.parse_deb822(SOURCES), vendor]
        lines = [line for source in apt.for_suite(entries, "bookworm", "trixie") for line in source.lines()]
        assert lines == [
            "deb [signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian trixie main contrib",
            "deb [signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian trixie-updates main contrib",
            "deb http://mirror.example/debian-security trixie-security main",
        ]

    def test_a_host_of_another_distribution_leaves_the_choice_of_archives_to_mmdebstrap(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(images, "distribution", lambda: "fedora")
        assert [images.sources(image) for image in IMAGES] == [[]] * len(IMAGES)

    def test_an_image_is_offered_only_with_its_keyring(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        here, absent = (replace(DEFAULT.distribution, keyring=tmp_path / name) for name in ("here", "absent"))
        here.keyring.touch()
        known = (replace(DEFAULT, distribution=absent), replace(DEFAULT, slug="made", distribution=here))
        monkeypatch.setattr(images, "IMAGES", known)
        assert [image.slug for image in images.offered()] == ["made"]

    def test_sshd_waits_as_it_does_in_the_providers_image(self) -> None:
        enabled = {image.slug: images._enabled(image)[1] for image in IMAGES}
        assert enabled["debian-13-x64"] == "ssh.service"
        assert enabled["ubuntu-24-04-x64"] == "ssh.socket"

    def test_what_this_computer_serves_itself_is_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = registries.PipSettings({"index-url": ("https://192.0.2.7/simple",)})
        monkeypatch.setattr(registries, "host_settings", lambda: settings)
        monkeypatch.setattr(apt, "host_sources", list)
        monkeypatch.setattr(apt, "host_options", lambda: ['Acquire::http::Proxy "http://192.0.2.8:3142";'])
        monkeypatch.setenv("https_proxy", "http://user:word@192.0.2.9:3128/")
        monkeypatch.setenv("no_proxy", "192.0.2.7,example.org")
        monkeypatch.setattr(guest, "_is_own", lambda address: address != "192.0.2.8")
        assert guest.services_of_host() == [("192.0.2.7", 443), ("192.0.2.9", 3128)]

    def test_loopback_serves_no_machine(self) -> None:
        assert not guest._is_own("127.0.0.1")
        assert not guest._is_own("192.0.2.1")

    def test_only_settings_about_the_way_out_are_handed_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        dump = (
            'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::https::Proxy::internal.example "DIRECT";\n'
            'Acquire::Check-Valid-Until "false";\nAcquire::Languages:: "none";\nAPT::Architecture "amd64";\n'
            'DPkg::Post-Invoke:: "rm -rf /x";\nAcquire::http::Proxy "";\n'
        )
        monkeypatch.setattr(apt, "run", lambda *_, **__: dump)
        assert apt.host_options() == dump.splitlines()[:3]

    def test_a_machine_gets_sources_options_and_keyrings(self, disk: Disk, tmp_path: Path) -> None:
        (tmp_path / "own.gpg").write_bytes(b"\x99\x01\xff")
        source = apt.Source("http://m.example", ("bookworm",), ("main",), str(tmp_path / "own.gpg"))
        guest.write_apt(disk, [source], ['Acquire::Retries "3";'])
        assert (
            disk.read("etc/apt/sources.list")
            == f"deb [signed-by={tmp_path}/own.gpg] http://m.example bookworm main\n"
        )
        assert disk.read("etc/apt/apt.conf.d/90host") == 'Acquire::Retries "3";\n'
        assert (disk.layer / str(tmp_path / "own.gpg").lstrip("/")).read_bytes() == b"\x99\x01\xff"


class TestPythonIndexes:
    def settings(self, tmp_path: Path, text: str, **environment: str) -> registries.PipSettings:
        (tmp_path / "pip.conf").write_text(text)
        return registries.host_settings(environment, [tmp_path / "pip.conf"])

    def test_a_plain_host_hands_on_nothing_but_its_trust(self) -> None:
        plain = registries.host_settings({}, [])
        assert plain.pip_conf(own_trust=False) == ""
        assert plain.folders() == []
        assert tomllib.loads(plain.uv_toml()) == {"system-certs": True}
        pip = configparser.RawConfigParser()
        pip.read_string(plain.pip_conf(own_trust=True))
        assert dict(pip["global"]) == {"cert": "/etc/ssl/certs/ca-certificates.crt"}

    def test_pip_and_uv_are_told_the_same(self, tmp_path: Path) -> None:
        settings = self.settings(
            tmp_path,
            "[global]\nindex-url = https://pypi.example/simple\nextra-index-url = https://a.example https://b.example\n"
            "[install]\nfind-links =\n    https://c.example\n    https://d.example\ntrusted-host = a.example\n",
        )
        uv = tomllib.loads(settings.uv_toml())
        assert uv["index-url"] == "https://pypi.example/simple"
        assert uv["extra-index-url"] == ["https://a.example", "https://b.example"]
        assert uv["find-links"] == ["https://c.example", "https://d.example"]
        assert uv["allow-insecure-host"] == ["a.example"]
        assert uv["index-strategy"] == "unsafe-best-match"
        pip = configparser.RawConfigParser()
        pip.read_string(settings.pip_conf(own_trust=False))
        assert pip["global"]["extra-index-url"].split() == uv["extra-index-url"]
        assert pip["global"]["index-url"] == uv["index-url"]

    def test_later_files_and_variables_win(self, tmp_path: Path) -> None:
        (tmp_path / "user.conf").write_text("[global]\nfind-links = /user\n")
        (tmp_path / "pip.conf").write_text("[global]\nfind-links = /all\nindex-url = https://all.example\n")
        files = [tmp_path / "pip.conf", tmp_path / "user.conf"]
        merged = registries.host_settings({"PIP_INDEX_URL": "https://variable.example"}, files)
        assert merged.options == {"find-links": ("/user",), "index-url": ("https://variable.example",)}

    def test_folders_are_named_once_and_with_the_files_beside_an_index(self, tmp_path: Path) -> None:
        for name in ("pypi/simple", "wheels/inner", "odd index"):
            (tmp_path / name).mkdir(parents=True)
        settings = self.settings(
            tmp_path,
            f"[global]\nextra-index-url = file://{tmp_path}/pypi/simple file://{tmp_path}/odd%20index https://x.example\n"
            f"find-links = {tmp_path}/wheels {tmp_path}/wheels/inner {tmp_path}/absent\n",
        )
        assert settings.folders() == [tmp_path / "pypi", tmp_path / "odd index", tmp_path / "wheels"]

    def test_credentials_make_the_files_roots_alone(
        self, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = self.settings(tmp_path, "[global]\nindex-url = https://me:secret@pypi.example/simple\n")
        monkeypatch.setattr(registries, "host_settings", lambda: settings)
        guest.write_registries(disk, own_trust=False)
        for name in ("etc/pip.conf", "etc/uv/uv.toml"):
            assert stat.S_IMODE((disk.layer / name).stat().st_mode) == 0o600

    def test_the_hosts_proxies_reach_the_machines_environment(
        self, disk: Disk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
        guest.write_registries(disk, own_trust=False)
        assert "https_proxy=http://proxy.example:3128\n" in disk.read("etc/environment")


def make_certificate(folder: Path, name: str) -> str:
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", f"/CN={name}", "-keyout", "/dev/null", "-out", folder / "c.pem"]
    subprocess.run(argv, check=True, capture_output=True)
    return guest.certificates_of(folder / "c.pem")[0]


class TestTrust:
    def test_certificates_are_found_by_bundle_by_hash_and_by_the_next_update(
        self, disk: Disk, tmp_path: Path
    ) -> None:
        known, added = make_certificate(tmp_path, "known"), make_certificate(tmp_path, "added")
        (disk.base / "etc/ssl/certs/ca-certificates.crt").write_text(known + "\n")
        guest.write_trust(disk, [known, added, added])
        assert guest.split_bundle(disk.read("etc/ssl/certs/ca-certificates.crt")) == [known, added]
        (local,) = (disk.layer / "usr/local/share/ca-certificates").iterdir()
        assert local.read_text() == added + "\n"
        (hashed,) = (disk.layer / "etc/ssl/certs").glob("*.0")
        assert (disk.layer / "etc/ssl/certs" / hashed.readlink()).readlink() == Path("/") / local.relative_to(
            disk.layer
        )

    def test_two_of_one_subject_have_two_numbers(self, disk: Disk, tmp_path: Path) -> None:
        guest.write_trust(disk, [make_certificate(tmp_path, "twin"), make_certificate(tmp_path, "twin")])
        names = sorted(path.suffix for path in (disk.layer / "etc/ssl/certs").glob("*.[0-9]"))
        assert names == [".0", ".1"]

    def test_the_hosts_own_additions_are_told_from_its_distributions(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        added = make_certificate(tmp_path, "company proxy")
        bundle = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
        (tmp_path / "bundle").write_text(bundle + added)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle"))
        assert added in guest.host_certificates()
        assert len(guest.host_certificates()) < len(guest.split_bundle(bundle))

    def test_a_host_without_a_bundle_adds_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
        assert guest.host_certificates() == []


class TestFirstBoot:
    def test_the_network_is_static(self, disk: Disk) -> None:
        subnet = ipaddress.IPv4Network("10.9.8.0/24")
        guest.write_network(
            disk,
            hostname="web.demo.test",
            address="10.9.8.10",
            subnet=subnet,
            gateway="10.9.8.1",
            address6="fd00::a",
        )
        text = disk.read("etc/systemd/network/10-host0.network")
        assert "Address=10.9.8.10/24\nGateway=10.9.8.1\nAddress=fd00::a/64\n" in text
        assert disk.read("etc/resolv.conf") == "nameserver 10.9.8.1\n"
        assert "127.0.1.1 web.demo.test web\n" in disk.read("etc/hosts")

    def test_the_seed_is_roots_alone_and_holds_what_was_given(self, disk: Disk) -> None:
        cloudinit.write_seed(
            disk,
            instance_id="abc-1",
            hostname="web",
            user_data="#cloud-config\nx: 1",
            public_keys=["ssh-ed25519 A"],
        )
        seed = disk.layer / "var/lib/cloud/seed/nocloud"
        assert stat.S_IMODE(seed.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in seed.iterdir()} == {0o600}
        assert (seed / "user-data").read_text() == "#cloud-config\nx: 1"
        metadata = json.loads((seed / "meta-data").read_text())
        assert metadata == {"instance-id": "abc-1", "local-hostname": "web", "public-keys": ["ssh-ed25519 A"]}
