"""What every node has: keys-only SSH, a firewall, the right time, security updates, bounded logs."""

from __future__ import annotations

from ..node.releases.home import ROOT
from ..node.resources import CheckedFiles, Command, Directory, File, Firewall, Packages, Resource, Rule, Unit
from ..render import render
from .context import Context


def base(ctx: Context) -> list[Resource]:
    """Return the resources of any node, whatever it serves."""
    return [
        Packages(
            (
                "ca-certificates",
                "openssl",
                "python3",
                "python3-venv",
                "systemd-timesyncd",
                "ufw",
                "unattended-upgrades",
            )
        ),
        Firewall((Rule(ctx.node.port),)),
        # First of all units: what starts without a journal may fail at its first word.
        *_logs(),
        # It loads the rules at each start of the machine.
        Unit("ufw.service"),
        Directory(ROOT),
        *([] if ctx.node.address else _metadata()),
        *_ssh(),
        *_updates(),
        *_time(),
    ]


def _ssh() -> list[Resource]:
    files = CheckedFiles(
        "sshd",
        (File("/etc/ssh/sshd_config.d/10-hubctl.conf", render("ssh/hubctl.conf")),),
        check=("/usr/sbin/sshd", "-t"),
    )
    # sshd's check wants its run-time folder, which is missing until the first start.
    # Ubuntu's socket starts it. systemd would lose it when its alias appears.
    unit = Unit("ssh.service", started_by="ssh.socket", wanted_by="multi-user.target", reload_on=(files.id,))
    return [Directory("/run/sshd"), files, unit]


def _metadata() -> list[Resource]:
    """Keep what a machine was made with, its private host key among it, from all users but root.

    A host that was there before has a key of its own; its users may need what its cloud tells them.
    """
    name = "hubctl-metadata.service"
    file = File(f"/etc/systemd/system/{name}", render("systemd/metadata.service"))
    # Its rule can be removed while the unit stays up.
    again = Command(
        "metadata",
        ("systemctl", "restart", name),
        unless=("ip", "rule", "show", "priority", "169"),
        says="prohibit",
    )
    return [file, Unit(name, restart_on=(file.id,)), again]


def _updates() -> list[Resource]:
    return [
        CheckedFiles(
            "apt",
            (File("/etc/apt/apt.conf.d/52-hubctl", render("apt/hubctl.conf")),),
            check=("/usr/bin/apt-config", "dump"),
        ),
        Unit("unattended-upgrades.service"),
        Unit("apt-daily.timer"),
        Unit("apt-daily-upgrade.timer"),
    ]


def _time() -> list[Resource]:
    unit = "systemd-timesyncd.service"
    # Not a Unit: in a container the host keeps the time, and systemd skips this one however often it is started.
    enable = ("systemctl", "enable", "--now", unit)
    # Its link is looked for, instead of asking systemctl, which would make every deploy wait 8 ms.
    return [Command("time-sync", enable, creates=f"/etc/systemd/system/sysinit.target.wants/{unit}")]


def _logs() -> list[Resource]:
    settings = File("/etc/systemd/journald.conf.d/10-hubctl.conf", render("systemd/journald.conf"))
    return [
        Directory("/etc/systemd/journald.conf.d"),
        settings,
        Unit("systemd-journald.service", restart_on=(settings.id,)),
    ]
