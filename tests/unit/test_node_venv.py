"""Virtual environments by pip: its wheel runs as the distribution ships it."""

import sys
import venv as standard
from pathlib import Path

from provision.node import venv
from provision.node.resources import PythonEnv
from provision.node.system import Completed, System, run_program

ENV = PythonEnv("/opt/hub/uv", requirements="uv==1 --hash=sha256:0\n")


def test_pip_runs_from_the_distributions_wheel_and_is_not_unpacked_before(machine):
    machine.write("usr/share/python-wheels/pip-24.0-py3-none-any.whl", "")
    wheel = machine.write("usr/share/python-wheels/pip-25.1.1+dfsg-py3-none-any.whl", "")
    assert machine.converge([ENV]).end["result"] == "done"
    made, installed = machine.calls("python3") + machine.calls("python")
    assert made[:3] == ["-m", "venv", "--without-pip"]
    assert installed[:2] == [f"{wheel}/pip", "install"]
    assert "--require-hashes" in installed


def test_without_such_a_wheel_the_environment_gets_a_pip_of_its_own(machine):
    assert machine.converge([ENV]).end["result"] == "done"
    made, installed = machine.calls("python3") + machine.calls("python")
    assert made[:2] == ["-m", "venv"]
    assert "--without-pip" not in made
    assert installed[:3] == ["-m", "pip", "install"]


def environments(machine):
    return {path.name for path in machine.path("opt/hub").glob("users-*")}


def test_an_environment_stays_while_something_runs_from_it(machine):
    def switched(number):
        env = PythonEnv("/opt/hub/users", requirements=f"emoji=={number} --hash=sha256:0\n")
        assert machine.converge([env]).end["result"] == "done"
        return machine.path("opt/hub/users").readlink().name

    first = switched(1)
    kernel = machine.write("proc/41/cmdline", f"/opt/hub/{first}/bin/python\0-m\0ipykernel_launcher\0")
    second = switched(2)
    machine.write("proc/42/cmdline", "/opt/hub/users/bin/python\0")
    loaded = machine.write("proc/42/maps", f"7f00-7f01 r-xp 0 08:01 1  /opt/hub/{second}/lib/zmq.so\n")
    third, fourth = switched(3), switched(4)
    assert environments(machine) == {first, second, third, fourth}
    kernel.unlink()
    loaded.unlink()
    fifth = switched(5)
    assert environments(machine) == {fourth, fifth}


def test_what_packages_bring_is_compiled_and_none_of_it_is_built_or_run(tmp_path: Path) -> None:
    folder = tmp_path / "env"
    packages = folder / f"lib/python3.{sys.version_info[1]}/site-packages"

    def run(argv: list[str], **options: object) -> Completed:
        """Run programs; for uv, do what it does."""
        if argv[1] == "venv":
            standard.create(folder, symlinks=True)
        elif argv[1] == "pip":
            assert argv[argv.index("--only-binary") + 1] == ":all:"
            (packages / "bad.pth").write_text(f"import os; os.mkdir({str(tmp_path / 'ran')!r})\n")
            (packages / "good.py").write_text("")
            (packages / "template.py").write_text("def {{ name }}")
            if "--compile-bytecode" in argv:
                return run_program([f"{folder}/bin/python", "-m", "compileall", "-q", str(packages)])
        else:
            return run_program([sys.executable, *argv[1:]], **options)
        return Completed(0, "")

    system = System(str(tmp_path), run)
    wanted = venv.Venv(folder, "good==1 --hash=sha256:0\n", tmp_path / "uv")
    venv.make(system, wanted, stage=lambda _: None)
    assert [path.name for path in (packages / "__pycache__").iterdir()] == [
        f"good.{sys.implementation.cache_tag}.pyc"
    ]
    assert venv.made(folder)
    assert not (tmp_path / "ran").exists()
