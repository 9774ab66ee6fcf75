"""What each service promises: every recipe is held to it, on nodes of its own, in this order."""

import re

import pytest

from provision.errors import Exit
from provision.services import RECIPES
from tests.support.contract import Served, contract_of
from tests.support.damages import damages, one_way_each, rounds
from tests.support.fleet import IMAGE
from tests.support.healing import assert_heals, own_of, plans_of
from tests.support.machines import reboot
from tests.support.network import open_ports
from tests.support.prepared import image_for
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes


def services(*, released):
    names = [recipe.name for recipe in RECIPES if recipe.released or not released]
    groups = [pytest.param(name, marks=pytest.mark.xdist_group(f"contract of {name}")) for name in names]
    return pytest.mark.parametrize("service", groups, indirect=True, scope="module")


each_service, each_release = services(released=False), services(released=True)


@pytest.fixture(scope="module")
def service(request, make_fleet):
    """A service after its first deploy, on machines of nothing but their distribution and what it stands beside."""
    says = contract_of(request.param)
    image = image_for(make_fleet({says.node: says.finds}), says.node) if says.finds else IMAGE
    fleet = make_fleet(says.nodes, says.more, image)
    for node in says.nodes:
        fleet.done("create-node", node, "--no-deploy")
    fleet.done("deploy")
    says.by_hand(fleet)
    yield Served(request.param, fleet)
    for node in says.nodes:
        fleet.done("destroy-node", node, "--yes")


@each_service
def test_the_first_deploy_answers_over_verified_https(service):
    assert eventually(service.answers)
    service.says.kept(service.site, service.says.put(service.site))


@each_service
def test_a_second_deploy_changes_nothing(service):
    service.assert_unchanged()


@each_service
def test_a_reboot_loses_nothing_and_everything_starts_again(service):
    data = service.says.put(service.site)
    reboot(service.fleet, service.node)
    assert eventually(service.answers, seconds=120)
    service.says.kept(service.site, data)
    service.assert_unchanged()


@each_service
@pytest.mark.soak(short=1, full=2)
def test_whatever_of_its_plan_is_deleted_or_damaged_one_deploy_mends_it(service, chance, times):
    """Each way of damage on all resources that it fits; in the short form one way for each kind of resource.

    What all nodes have is damaged for the first service, and what another service needs for that one.
    """
    own = service.name != RECIPES[0].name
    plan = own_of(service.fleet, service.node, service.name) if own else plans_of(service.fleet)[service.node]
    found = damages(plan)
    short = times == 1
    for together in rounds(plan, one_way_each(found, chance) if short else found, together=short):
        assert_heals(service.fleet, service.node, together, service.answers)


@each_service
@pytest.mark.soak(short=1, full=40)
def test_whatever_is_damaged_when_the_machine_starts_one_deploy_mends_it(service, chance, times):
    everything = [
        (node, damage)
        for node, plan in plans_of(service.fleet).items()
        for damage in damages(plan)
        if damage.survives_a_boot
    ]
    for node, damage in chance.sample(everything, times):
        assert_heals(service.fleet, node, [damage], service.answers, boot=True)


@each_service
@pytest.mark.soak(short=0, full=1)
def test_each_single_damage_is_mended_in_any_order(service, chance):
    everything = [(node, each) for node, plan in plans_of(service.fleet).items() for each in damages(plan)]
    for node, damage in chance.sample(everything, len(everything)):
        assert_heals(service.fleet, node, [damage], service.answers)


@each_release
def test_an_update_and_a_rollback_under_load_fail_no_request(service, tmp_path):
    before = service.current()
    with service.unnoticed(fresh=3, kept=3):
        service.fleet.done("deploy", HUBCTL_RUNTIME=service.newer_runtime(tmp_path))
        assert service.current() != before
        service.fleet.done("rollback", service.node, "--service", service.name)
    assert service.current() == before
    service.assert_unchanged()


@each_release
def test_a_broken_release_is_refused_and_the_former_one_serves_on(service, tmp_path):
    before = service.current()
    impatient = {f"release:{service.name}": {"probe_timeout": 6}}
    with service.unnoticed():
        done = service.fleet.patched(tmp_path / "patch", fields=impatient).hubctl(
            "deploy", HUBCTL_RUNTIME=service.broken_runtime(tmp_path / "runtime")
        )
    assert done.status == Exit.FAILED
    assert "[release-unhealthy]" in done.stderr
    assert "RuntimeError: broken on purpose" in done.stderr
    assert re.search(rf"hint: on the node: journalctl -u {service.name}\S*\.service -n 100", done.stderr)
    assert service.current() == before
    service.assert_unchanged()


@each_release
@pytest.mark.soak(short=1, full=3)
def test_a_kill_at_each_boundary_of_a_release_fails_no_request_and_is_carried_on(service, tmp_path, times):
    """In the short form, each run carries on what the one before left and comes one step further."""
    with service.unnoticed():
        wanted = service.another_release(tmp_path)
        for boundary in service.boundaries * times:
            killed = wanted.hubctl("deploy", service.node, HUBCTL_FAULT=boundary)
            assert killed.status == Exit.UNREACHABLE, f"{boundary} was not reached: {killed.text}"
            assert "run the same command again" in killed.stderr
            if times > 1:
                wanted.done("deploy", service.node)
                wanted = service.another_release(tmp_path)
        wanted.done("deploy", service.node)
        assert "0 changed" in wanted.done("deploy", service.node).stdout
        service.fleet.done("deploy")
    service.assert_unchanged()


@each_service
def test_its_secrets_are_rotated_and_no_request_fails(service):
    for name in service.secrets:
        former = service.fleet.done("secrets", "show", name).stdout.strip()
        with service.unnoticed():
            done = service.fleet.done("rotate-key", name, "--json")
        now = service.fleet.done("secrets", "show", name).stdout.strip()
        assert now != former
        assert former not in done.text
        assert now not in done.text
    service.assert_unchanged()


@each_service
def test_taken_out_it_ends_and_it_comes_back_with_its_data(service):
    data = service.says.put(service.site)
    service.says.kept(service.site, data)
    service.write(**{service.node: "{}"})
    assert service.fleet.hubctl("plan", service.node).status == Exit.CHANGES
    service.fleet.done("deploy")
    assert open_ports(service.fleet.address(service.node), 22, 80, 443) == [22]
    units = service.fleet.ssh(service.node, "ls", "/etc/systemd/system").split()
    assert not [unit for unit in units if unit.startswith(service.name)]
    service.assert_unchanged()
    service.write()
    for boundary in () if service.recipe.released else service.boundaries:
        killed = service.fleet.hubctl("deploy", service.node, HUBCTL_FAULT=boundary)
        assert killed.status == Exit.UNREACHABLE, f"{boundary} was not reached: {killed.text}"
    service.fleet.done("deploy")
    assert eventually(service.answers)
    service.says.kept(service.site, data)
    service.assert_unchanged()
