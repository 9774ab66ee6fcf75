"""Virtual environments by pip: its wheel runs as the distribution ships it."""

from provision.node.resources import PythonEnv

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
