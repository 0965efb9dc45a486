"""What the environment says: tokens, folders, mode.  Read once, at start-up, by `bot`.

The names are those that people know from Slack, kubectl and their hosts.  What AWS's own SDK
reads (AWS_PROFILE, AWS_REGION, …) is left to it.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config import complaints, keeping

PACKAGED = Path(__file__).parent / "systems"
EVERYWHERE = "0.0.0.0"  # noqa: S104 hosts route to it; a signature is checked on every request
HERE = "127.0.0.1"
SLACK_API = "https://slack.com/api/"
WHERE = {
    "SLACK_BOT_TOKEN": "the Bot User OAuth Token (xoxb-…), under OAuth & Permissions of your Slack "
    "app, after installing it to the workspace",
    "SLACK_APP_TOKEN": "an app-level token (xapp-…) with the scope connections:write, under Basic "
    "Information, App-Level Tokens",
    "SLACK_SIGNING_SECRET": "the Signing Secret, under Basic Information, App Credentials",
}
BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00]*)?")
PREFIXES = {"SLACK_BOT_TOKEN": "xoxb-", "SLACK_APP_TOKEN": "xapp-"}


class SettingsError(Exception):
    """The environment lacks something or says something impossible.  One line a problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def _as_base(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("expected an address that begins with https:// or http://")
    return url if url.endswith("/") else f"{url}/"


def _as_bucket(place: str) -> str:
    if not BUCKET.fullmatch(place):
        raise ValueError("expected s3://bucket or s3://bucket/prefix")
    return place


def state_folder() -> Path:
    """Return where programs keep what must outlive a restart."""
    kept = os.environ.get("XDG_STATE_HOME")
    return (Path(kept) if kept else Path.home() / ".local" / "state") / "backout"


def _expanded(path: Path) -> Path:
    return path.expanduser()


def _several(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _checked_anchor(value: SecretStr | None) -> SecretStr | None:
    keeping.anchor_places(value.get_secret_value() if value else "")
    return value


def _checked_retention(value: str | None) -> str | None:
    keeping.retention(value or "")
    return value


def _by_name(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if any(not name.strip() or not equals for name, equals, _ in pairs):
        raise ValueError("expected providers and numbers, such as aws=8,kubernetes=16")
    return {name.strip(): number.strip() for name, _, number in pairs}


Folder = Annotated[Path, AfterValidator(_expanded)]


class Settings(BaseSettings):
    """Everything that comes from the environment, by the names of its variables."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, case_sensitive=True
    )

    slack_bot_token: SecretStr | None = Field(default=None, validation_alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(default=None, validation_alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(
        default=None, validation_alias="SLACK_SIGNING_SECRET"
    )
    slack_api_url: Annotated[str, AfterValidator(_as_base)] = Field(
        default=SLACK_API, validation_alias="SLACK_API_URL"
    )
    kubeconfig: Folder | None = Field(default=None, validation_alias="KUBECONFIG")
    systems: Folder = Field(default=PACKAGED, validation_alias="BACKOUT_SYSTEMS")
    overlay: Folder | None = Field(default=None, validation_alias="BACKOUT_OVERLAY")
    data: Folder = Field(default_factory=state_folder, validation_alias="BACKOUT_DATA")
    database_url: SecretStr | None = Field(
        default=None, min_length=1, validation_alias="BACKOUT_DATABASE_URL"
    )
    evidence: Annotated[str, AfterValidator(_as_bucket)] | None = Field(
        default=None, validation_alias="BACKOUT_EVIDENCE"
    )
    # Seconds without a sign of life of a replica, after which others take over.
    lease: float = Field(default=3.0, ge=1.0, le=60.0, validation_alias="BACKOUT_LEASE")
    mode: Literal["socket", "http"] = Field(default="socket", validation_alias="BACKOUT_MODE")
    # PORT is what hosts of Procfiles set.
    port: int = Field(  # type: ignore[pydantic-alias]  # the plugin can't see a choice of names
        default=3000, ge=1, le=65_535, validation_alias=AliasChoices("BACKOUT_PORT", "PORT")
    )
    host: str | None = Field(default=None, min_length=1, validation_alias="BACKOUT_HOST")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], NoDecode] = Field(
        default="INFO", validation_alias="BACKOUT_LOG_LEVEL"
    )
    log_format: Literal["text", "json"] = Field(
        default="text", validation_alias="BACKOUT_LOG_FORMAT"
    )
    capture_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_several)] = Field(
        default=(), validation_alias="BACKOUT_CAPTURE_KEY"
    )
    heartbeat: SecretStr | None = Field(
        default=None, min_length=1, validation_alias="BACKOUT_HEARTBEAT_URL"
    )
    anchor: Annotated[SecretStr | None, AfterValidator(_checked_anchor)] = Field(
        default=None, validation_alias="BACKOUT_ANCHOR"
    )
    retention: Annotated[str | None, AfterValidator(_checked_retention)] = Field(
        default=None, validation_alias="BACKOUT_RETENTION"
    )
    helm: str = Field(default="helm", min_length=1, validation_alias="BACKOUT_HELM")
    concurrency: Annotated[
        Mapping[str, Annotated[int, Field(ge=1, le=1_000)]], NoDecode, BeforeValidator(_by_name)
    ] = Field(default_factory=dict, validation_alias="BACKOUT_CONCURRENCY")

    @property
    def anchor_places(self) -> tuple[keeping.AnchorPlace, ...]:
        """Where anchors of the journal go."""
        return keeping.anchor_places(self.anchor.get_secret_value() if self.anchor else "")

    @property
    def rules(self) -> keeping.Retention:
        """How long what has ended is kept."""
        return keeping.retention(self.retention or "")

    @property
    def listens(self) -> bool:
        """Whether a web server is wanted: in HTTP mode, and wherever a port is set."""
        return self.mode == "http" or "port" in self.model_fields_set

    @property
    def listens_on(self) -> str:
        """The address to listen on: what is set, else all in HTTP mode, our own in Socket Mode."""
        return self.host or (EVERYWHERE if self.mode == "http" else HERE)

    def require_slack(self) -> None:
        """Raise `SettingsError` that says what is missing for Slack, and where it is found."""
        given = {"SLACK_BOT_TOKEN": self.slack_bot_token}
        if self.mode == "socket":
            given["SLACK_APP_TOKEN"] = self.slack_app_token
        else:
            given["SLACK_SIGNING_SECRET"] = self.slack_signing_secret
        problems = [said for name, value in given.items() if (said := _objection(name, value))]
        if problems:
            raise SettingsError(problems)


def _objection(name: str, value: SecretStr | None) -> str | None:
    """Return what is wrong with a token, without repeating it."""
    if value is None:
        return f"{name} is not set: it is {WHERE[name]}."
    prefix = PREFIXES.get(name, "")
    if not value.get_secret_value().startswith(prefix):
        return f"{name} does not begin with {prefix}: it must be {WHERE[name]}."
    return None


def load() -> Settings:
    """Read the environment.  Raises `SettingsError` with every problem, by variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError([_said(dict(each)) for each in error.errors()]) from None


def _secrets() -> frozenset[str]:
    """Return the variables whose values are never repeated."""
    fields = Settings.model_fields.values()
    return frozenset(str(f.validation_alias) for f in fields if "SecretStr" in str(f.annotation))


def _said(detail: dict[str, Any]) -> str:
    name = str(detail["loc"][0])
    message, hint = complaints.describe(detail)  # type: ignore[arg-type]  # a copy of its dict
    if name in _secrets():
        message, hint = message.rpartition(", found ")[0] or message, ""  # it repeats what it found
    return f"{name}: {message} ({hint})" if hint else f"{name}: {message}"
