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
