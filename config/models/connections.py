"""`system.yaml`, `connections`: how the adapters reach a system.

They hold references to secrets (`env:NAME` or `file:PATH`), never secrets.
"""

from typing import Annotated

from pydantic import Field, model_validator

from config.models.base import Duration, Identifier, Model

SecretRef = Annotated[str, Field(pattern=r"^(env:[A-Z][A-Z0-9_]*|file:.+)$")]
Url = Annotated[str, Field(pattern=r"^(https?://|env:)\S+$")]
HttpsUrl = Annotated[str, Field(pattern=r"^https://\S+$")]
# What comes behind the last wildcard is a whole domain, so that nobody else can have the rest.
HostPattern = Annotated[
    str,
    Field(
        pattern=r"^(?:[-A-Za-z0-9.*?]*[*?][-A-Za-z0-9]*(?:\.[A-Za-z0-9][-A-Za-z0-9]*)+"
        r"|[A-Za-z0-9][-A-Za-z0-9.]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$",
        max_length=253,
    ),
]
MailAddress = Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254)]


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


class AwsConnection(Model):
    """One account and region.  Who asks is looked up as AWS' own tools do it."""

    account: str = Field(
        pattern=r"^\d{12}$",
        description="The account's twelve digits, compared with who the credentials are before "
        "anything is changed.",
    )
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    profile: str | None = Field(default=None, description="A profile of the AWS configuration.")
    role: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$",
        description="A role that is assumed, in a session that is named after the incident.",
    )
    endpoint: Url | None = Field(
        default=None, description="Asked in place of AWS, for every service: to try things out."
    )


class DatabaseConnection(Model):
    """One PostgreSQL database."""

    dsn: SecretRef = Field(description="Leads to a libpq URI: it holds the password.")
    hosts: tuple[HostPattern, ...] = Field(
        default=(),
        description="Hosts that an action's `host` may lead to, with the credentials of the DSN: "
        "names, or patterns such as *.abc.eu-west-1.rds.amazonaws.com; none by default.",
    )
    system_identifier: str | None = Field(
        default=None,
        pattern=r"^\d+$",
        description="The cluster's own number (pg_control_system): told apart from any other, "
        "even behind the same address.",
    )


class CacheConnection(Model):
    """One Redis."""

    url: SecretRef = Field(description="Leads to redis://… or rediss://…, with the password.")
    authority: str | None = Field(
        default=None, description="Path of the certificates to trust; left out: the machine's."
    )


class LaunchDarklyConnection(Model):
    """One environment of a LaunchDarkly project."""

    project: str = Field(min_length=1)
    environment: str = Field(min_length=1)
    token: SecretRef
    url: Url = "https://app.launchdarkly.com"


class SmtpServer(Model):
    """A server that takes mail.  Without `user` it is not logged in to."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65_535)
    tls: bool = Field(
        default=True, description="STARTTLS, or TLS from the start on port 465; refused without."
    )
    user: SecretRef | None = None
    password: SecretRef | None = None
    authority: str | None = Field(
        default=None, description="Path of the certificates to trust; left out: the machine's."
    )


class MailConnection(Model):
    """Who mail comes from, and who takes it: a server, or Amazon SES of `connections.aws`."""

    sender: MailAddress
    smtp: SmtpServer | None = None
    ses: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> "MailConnection":
        if (self.smtp is not None) == self.ses:
            raise ValueError("mail takes one way: give `smtp`, or `ses: true`")
        return self


class Script(Model):
    """A program that procedures may run: this very file, by its hash, never through a shell."""

    path: str = Field(min_length=1, description="From the system's folder, or absolute.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="It runs only as long as it is so.")
    check: str | None = Field(
        default=None,
        description="First argument with which the same file only looks, and exits with 0 where "
        "the work is done, 1 where it is not; left out: the exit code is all that is known.",
    )
    environment: dict[str, SecretRef] = Field(
        default_factory=dict, description="Variables that it gets, beside PATH, HOME and LANG."
    )
    timeout: Duration = Field(description="Then it and what it started is ended.")
    loses: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="What it can lose, as approvers read it; then it is run by "
        "`script.run_destructive` only.",
    )


class Connections(Model):
    """How the adapters reach this system."""

    kubernetes: KubernetesConnection | None = None
    prometheus: PrometheusConnection | None = None
    statuspage: StatuspageConnection | None = None
    pagerduty: PagerdutyConnection | None = None
    aws: AwsConnection | None = None
    databases: dict[Identifier, DatabaseConnection] = Field(default_factory=dict)
    caches: dict[Identifier, CacheConnection] = Field(default_factory=dict)
    launchdarkly: LaunchDarklyConnection | None = None
    mail: MailConnection | None = None
    scripts: dict[Identifier, Script] = Field(default_factory=dict)
