"""A machine's processes are found while it makes and removes control groups."""

import threading

from provision.cloud.local import cgroup


def group(path, *pids):
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))


def test_processes_are_found_in_all_groups(tmp_path):
    group(tmp_path)
    assert not cgroup.processes([tmp_path])
    group(tmp_path / "init.scope" / "inner", 4_000_000)
    assert cgroup.processes([tmp_path])


def test_groups_that_vanish_while_they_are_listed_do_no_harm(tmp_path):
    group(tmp_path)
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            for number in range(20):
                (tmp_path / f"{number}" / "inner").mkdir(parents=True)
            for number in range(20):
                (tmp_path / f"{number}" / "inner").rmdir()
                (tmp_path / f"{number}").rmdir()

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        for _ in range(300):
            assert not cgroup.processes([tmp_path])
    finally:
        stop.set()
        churning.join()


def test_a_group_counts_as_dead_when_it_is_empty_twice(tmp_path, monkeypatch):
    """A process is in neither of two groups for whoever lists them while it moves."""
    seen = iter([set(), {4_000_000}, set(), set()])
    monkeypatch.setattr(cgroup, "processes", lambda _: next(seen))
    assert cgroup.kill([tmp_path])
    assert next(seen, None) is None


def test_what_cannot_be_killed_is_said(tmp_path):
    group(tmp_path, 4_000_000)
    assert not cgroup.kill([tmp_path], seconds=0.2)
