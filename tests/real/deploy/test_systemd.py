"""The unit on a host that runs systemd: it starts, is confined, comes back, ends only the bot."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.real.services.hosts import PATIENCE, SystemdHost

UNITS = Path(__file__).parents[3] / "deploy" / "systemd"
UNIT = "backout.service"
PLACES = {
    UNIT: "/etc/systemd/system/backout.service",
    "backout.sysusers": "/etc/sysusers.d/backout.conf",
}
MOST_EXPOSED = "--threshold=25"  # of 100; what systemd calls OK ends at 50
# What it says it saw is read by the test. The first one begins what a step would: a long Helm.
STAND_IN = """\
#!/bin/bash
cd "$BACKOUT_DATA"
{
    echo "$1 $SLACK_BOT_TOKEN $(id -un)"
    cat /etc/backout/environment 2>&1 >/dev/null && echo "reads the tokens' file"
    touch /etc/backout/here 2>/dev/null && echo "writes outside"
    grep -q 'NoNewPrivs:.1' /proc/self/status && echo "gains nothing"
    stat -c '%a %U' .
} >seen
[ -e helm ] || { setsid sleep 600 & echo $! >helm; }
trap 'echo drained >>seen; exit 0' TERM
echo $$ >pid
while :; do sleep 0.1; done
"""


@pytest.fixture
def installed(host: SystemdHost) -> SystemdHost:
    """A host with the unit, its user, its tokens, and a stand-in of the bot that has started."""
    host.run("mkdir", "-p", "/opt/backout/venv/bin", "/etc/backout", "/etc/sysusers.d")
    for source, target in PLACES.items():
        host.write(target, (UNITS / source).read_text(encoding="utf-8"))
    host.write("/etc/backout/environment", "SLACK_BOT_TOKEN=xoxb-example\n", mode=0o600)
    host.write("/opt/backout/venv/bin/backout", STAND_IN, mode=0o755)
    for command in (
        ("systemd-sysusers",),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", "--now", "backout"),
    ):
        code, said = host.run(*command)
        assert code == 0, said
    started(host, before="")
    return host


def started(host: SystemdHost, *, before: str) -> str:
    """Wait until another bot runs than before; return its process id."""
    deadline = time.monotonic() + PATIENCE
    while True:
        code, pid = host.run("cat", "/var/lib/backout/pid")
        if code == 0 and pid.strip() not in ("", before):
            return pid.strip()
        assert time.monotonic() < deadline, host.run("journalctl", "-u", "backout", "-n", "30")[1]
        time.sleep(0.05)


def test_systemd_finds_nothing_wrong_and_little_exposed(installed: SystemdHost) -> None:
    """The unit has no setting that systemd does not know, and lets the bot do little."""
    assert installed.run("systemd-analyze", "verify", UNIT) == (0, "")
    judged = installed.run("systemd-analyze", "security", "--no-pager", MOST_EXPOSED, UNIT)
    assert judged[0] == 0, judged[1]


def test_the_bot_gets_its_tokens_and_reaches_nothing_else(installed: SystemdHost) -> None:
    """It is its own user in its own folder, and can neither write elsewhere nor gain rights."""
    assert installed.read("/var/lib/backout/seen").splitlines() == [
        "serve xoxb-example backout",
        "cat: /etc/backout/environment: Permission denied",
        "gains nothing",
        "700 backout",
    ]


def test_a_crash_is_followed_by_a_start(installed: SystemdHost) -> None:
    """Killed, the bot is there again."""
    pid = installed.read("/var/lib/backout/pid").strip()
    installed.run("kill", "-9", pid)
    assert started(installed, before=pid) != pid


def test_a_stop_drains_the_bot_and_lets_its_helm_go_on(installed: SystemdHost) -> None:
    """Only the bot is told to end: a rollback that is under way is not broken off."""
    helm = installed.read("/var/lib/backout/helm").strip()
    assert installed.run("systemctl", "stop", "backout")[0] == 0
    assert installed.read("/var/lib/backout/seen").splitlines()[-1] == "drained"
    assert installed.run("kill", "-0", helm)[0] == 0
