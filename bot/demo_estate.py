"""Where the demo's sandbox is, and the environment that leads the bot to it and nowhere else.

Used by `bot.demo` alone.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.vault import make_key

MANIFEST = Path(__file__).parent / "slack" / "manifest.yaml"
PRIVATE = (
    "AIVO_",
    "AWS_",
    "AZURE_",
    "BACKOUT_",
    "HELM_",
    "KUBE",
    "LAUNCHDARKLY_",
    "PAGERDUTY_",
    "PG",
    "SLACK_",
)
Json = Any
LOOPBACK = "127.0.0.1,localhost"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Addresses(BaseModel):
    """The file that `python -m sandbox --addresses` writes.

    What a machine may lack is empty then: AWS, the database, the cache.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    slack_api_url: str
    workspace_page: str
    estate_url: str
    kubeconfig: str
    helm_dir: str
    prometheus_url: str
    health_url: str
    statuspage_url: str
    statuspage_page: str
    statuspage_token: str
    pagerduty_url: str
    pagerduty_authority: str
    pagerduty_routing_key: str
    pagerduty_token: str
    pagerduty_webhook_secret: str
    bot_token: str
    app_token: str
    signing_secret: str
    status_page: str = ""
    aws_url: str = ""
    aws_account: str = ""
    aws_region: str = ""
    aws_key_id: str = ""
    aws_secret: str = ""
    listener_arn: str = ""
    uploads_bucket: str = ""
    launchdarkly_url: str = ""
    launchdarkly_project: str = ""
    launchdarkly_environment: str = ""
    launchdarkly_token: str = ""
    primary_dsn: str = ""
    recovered_dsn: str = ""
    cache_url: str = ""
    postgres_programs: str = ""

    @property
    def thorough(self) -> bool:
        """Whether there is all that the service rollback can look at beyond the cluster."""
        return bool(self.aws_url and self.primary_dsn and self.cache_url)

    async def install(self) -> None:
        """Install the app as its manifest says: these scopes, events and shortcuts, no more."""
        import aiohttp
        from ruamel.yaml import YAML

        manifest = YAML(typ="safe").load(MANIFEST)
        timeout = aiohttp.ClientTimeout(total=5)
        url = f"{self.workspace_page.rstrip('/')}/control/install"
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(url, json=manifest) as response,
        ):
            response.raise_for_status()

    async def connected(self) -> bool:
        """Say whether an app is connected to the workspace."""
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=2)
        url = f"{self.workspace_page.rstrip('/')}/control/sockets"
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.get(url) as response,
            ):
                return int((await response.json()).get("count", 0)) > 0
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False


def read_addresses(file: Path) -> Addresses | None:
    """Return the addresses, or None as long as they are not written (completely)."""
    try:
        return Addresses.model_validate_json(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


def write_overlay(file: Path, addresses: Addresses) -> Path:
    """Write the overlay that points AIVO at the simulated estate; return its path."""
    changes = {
        "aivo": {"connections": _connections(addresses), "variables": dict(_variables(addresses))}
    }
    note = "# Written by `backout demo`: leads AIVO to the simulated estate. JSON is YAML, too.\n"
    file.write_text(note + json.dumps(changes, indent=2) + "\n", encoding="utf-8")
    return file


def _connections(at: Addresses) -> dict[str, Json]:
    found: dict[str, Json] = {
        "prometheus": {"url": at.prometheus_url},
        "statuspage": {"url": at.statuspage_url, "page": at.statuspage_page},
        "pagerduty": {
            "url": at.pagerduty_url,
            "events_url": at.pagerduty_url,
            "routing_key": "env:PAGERDUTY_ROUTING_KEY",
            "token": "env:PAGERDUTY_TOKEN",
            "webhook_secret": "env:PAGERDUTY_WEBHOOK_SECRET",
        },
    }
    if at.aws_url:
        found["aws"] = {
            "account": at.aws_account,
            "region": at.aws_region,
            "endpoint": at.aws_url,
        }
    if at.launchdarkly_url:
        found["launchdarkly"] = {
            "url": at.launchdarkly_url,
            "project": at.launchdarkly_project,
            "environment": at.launchdarkly_environment,
        }
    if at.primary_dsn:
        anywhere_here = {"hosts": ["127.0.0.1"]}
        found["databases"] = {"primary": anywhere_here, "recovered": anywhere_here}
    return found


def _variables(at: Addresses) -> Iterator[tuple[str, str | bool]]:
    yield "health_url", at.health_url
    yield "thorough", at.thorough
    for name, value in (
        ("status_page_url", at.status_page),
        ("listener", at.listener_arn),
        ("uploads_bucket", at.uploads_bucket),
    ):
        if value:
            yield name, value


def bot_environment(
    caller: Mapping[str, str],
    *,
    addresses: Addresses | None = None,
    data: Path | None = None,
    overlay: Path | None = None,
    port: int | None = None,
) -> dict[str, str]:
    """Return the caller's environment without real systems, and with the simulated ones.

    `port` is where the bot listens for what PagerDuty tells; None leaves the usual one.
    """
    clean = {
        name: value
        for name, value in caller.items()
        if not name.startswith(PRIVATE) and name.lower() not in PROXIES
    }
    clean |= {"PYTHONUNBUFFERED": "1", "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
    if addresses is None:
        return clean
    return clean | {
        "SLACK_API_URL": addresses.slack_api_url,
        "SLACK_BOT_TOKEN": addresses.bot_token,
        "SLACK_APP_TOKEN": addresses.app_token,
        "SLACK_SIGNING_SECRET": addresses.signing_secret,
        "KUBECONFIG": addresses.kubeconfig,
        "BACKOUT_HELM": str(Path(addresses.helm_dir) / "helm"),
        "BACKOUT_DATA": str(data),
        "BACKOUT_OVERLAY": str(overlay),
        "AIVO_STATUSPAGE_TOKEN": addresses.statuspage_token,
        "AIVO_PROMETHEUS_URL": addresses.prometheus_url,
        "PAGERDUTY_ROUTING_KEY": addresses.pagerduty_routing_key,
        "PAGERDUTY_TOKEN": addresses.pagerduty_token,
        "PAGERDUTY_WEBHOOK_SECRET": addresses.pagerduty_webhook_secret,
        "AWS_ACCESS_KEY_ID": addresses.aws_key_id,
        "AWS_SECRET_ACCESS_KEY": addresses.aws_secret,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AIVO_LAUNCHDARKLY_TOKEN": addresses.launchdarkly_token,
        "AIVO_PRIMARY_DSN": addresses.primary_dsn,
        "AIVO_RECOVERED_DSN": addresses.recovered_dsn,
        "AIVO_CACHE_URL": addresses.cache_url,
        "BACKOUT_CAPTURE_KEY": make_key(),
        "SSL_CERT_FILE": addresses.pagerduty_authority,
        **({"BACKOUT_PORT": str(port)} if port else {}),
        "PATH": os.pathsep.join(filter(None, (addresses.postgres_programs, caller.get("PATH")))),
    }
