"""`system.yaml`: what a system is called, where it lives and how it is reached.

Connections hold references to secrets (`env:NAME` or `file:PATH`), never secrets.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from config.models.base import Identifier, Model, Traced

SecretRef = Annotated[str, Field(pattern=r"^(env:[A-Z][A-Z0-9_]*|file:.+)$")]
Url = Annotated[str, Field(pattern=r"^(https?://|env:)\S+$")]
HttpsUrl = Annotated[str, Field(pattern=r"^https://\S+$")]


class KubernetesConnection(Model):
    """One cluster and namespace; `context` is looked up in KUBECONFIG, and pinned."""

    context: str = Field(min_length=1)
    namespace: str = Field(min_length=1)
    server: str | None = Field(
        default=None, description="The API server that the context must point at."
    )
    uid: str | None = Field(
        default=None,
        min_length=1,
        description="UID of the cluster's namespace kube-system: told apart from any other "
        "cluster, even behind the same address.",
    )


class PrometheusConnection(Model):
    """A Prometheus-compatible query API."""

    url: Url
    token: SecretRef | None = None


class StatuspageConnection(Model):
    """One page of Statuspage."""

    url: Url = "https://api.statuspage.io"
    page: str = Field(min_length=1)
    token: SecretRef


class PagerdutyConnection(Model):
    """A service of PagerDuty that rings for the levels of the escalation chain."""

    routing_key: SecretRef = Field(
        description="Integration key (Events API v2) of the service that is called."
    )
    token: SecretRef | None = Field(
        default=None,
        description="A read-only REST key: Backout looks every 15 s who acknowledged in "
        "PagerDuty, and learns people's e-mail addresses.",
    )
    webhook_secret: SecretRef | None = Field(
        default=None,
        description="Signing secret of a webhook (v3) to /webhooks/pagerduty: who acknowledges "
        "in PagerDuty is known at once.",
    )
    url: HttpsUrl = Field(
        default="https://api.pagerduty.com",
        description="https://api.eu.pagerduty.com in the European region.",
    )
    events_url: HttpsUrl = Field(
        default="https://events.pagerduty.com",
        description="https://events.eu.pagerduty.com in the European region.",
    )


class Connections(Model):
    """How the adapters reach this system."""

    kubernetes: KubernetesConnection | None = None
    prometheus: PrometheusConnection | None = None
    statuspage: StatuspageConnection | None = None
    pagerduty: PagerdutyConnection | None = None


class Channels(Model):
    """Slack channels by name, without #."""

    incidents: str = Field(min_length=1, max_length=80)


class Link(Traced):
    """Something that responders want within reach."""

    title: str
    url: str


class System(Traced):
    """The whole file."""

    system: Identifier
    title: str = Field(min_length=1)
    environment: str = "production"
    aliases: tuple[str, ...] = ()
    live: bool = Field(
        default=False, description="Switched on for real: placeholders are refused from then on."
    )
    status_mode: Literal["confirm", "automatic"] = "confirm"
    channels: Channels
    connections: Connections = Connections()
    variables: dict[Identifier, str | int | float | bool | tuple[str, ...]] = Field(
        default_factory=dict, description="Names used by procedures: `system.<name>`."
    )
    links: tuple[Link, ...] = ()
    _folder: Path | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path | None:
        """Return the folder that the system was read from; None where it was made by hand."""
        return self._folder

    def placed_in(self, folder: Path) -> "System":
        """Return the system as one that was read from this folder."""
        found = self.model_copy()
        found._folder = folder
        return found
