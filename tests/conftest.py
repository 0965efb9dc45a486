"""What every test gets: a clean environment and one way to search for counterexamples.

Loaded by pytest before anything of ours is imported, so that no test, and no process that a test
starts, can see the credentials, clusters or Slack workspace of the person who runs it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.real.presence import ABSENT, absences

OURS = ("SLACK_", "BACKOUT_", "AWS_", "AZURE_", "PAGERDUTY_", "STATUSPAGE_", "KUBE", "HELM_")
HARMLESS = {
    # The defaults of these SDKs look into the home folder and at the cloud's metadata address.
    "KUBECONFIG": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # slack_sdk and botocore would send loopback calls to a proxy.
    "NO_PROXY": "*",
    "no_proxy": "*",
}
# Where the real tier finds its programs, the throw-away cluster that a person offers to it, and the
# seed of its bots' deaths; AWS_CA_BUNDLE says whom to trust, not who one is.
KEPT = (
    "AWS_CA_BUNDLE",
    "BACKOUT_ASSETS",
    "BACKOUT_GONE_SECONDS",
    "BACKOUT_KILL_SEED",
    "BACKOUT_TEST_CONTEXT",
    "BACKOUT_TEST_KUBECONFIG",
    "KUBEBUILDER_ASSETS",
)
TESTS = Path(__file__).parent
SLOW = ("conformance", "real", "scenario")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def pytest_configure() -> None:
    """Forget the person's own settings, then choose how hard to search."""
    for name in list(os.environ):
        if name.startswith(OURS) and name not in KEPT:
            del os.environ[name]
    for name in PROXIES:
        os.environ.pop(name, None)
    os.environ.update(HARMLESS)
    settings.load_profile("thorough" if os.environ.get("CI") else "quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits for processes, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in SLOW)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the components that this machine lacks: what was skipped is not passed."""
    if lacking := absences(terminalreporter):
        terminalreporter.section(ABSENT.removesuffix(": "))
        for each in lacking:
            terminalreporter.line(each)


# No deadline: a loaded machine is not a wrong answer.
settings.register_profile("quick", deadline=None, max_examples=50)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=200,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
