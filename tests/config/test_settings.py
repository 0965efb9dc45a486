"""The environment: names, defaults, and what is said when something is missing or wrong."""

from pathlib import Path

import pytest

from config import settings
from config.settings import SettingsError

NAMES = [
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "KUBECONFIG",
    "BACKOUT_SYSTEMS", "BACKOUT_OVERLAY", "BACKOUT_DATA", "BACKOUT_MODE", "BACKOUT_PORT", "PORT",
    "BACKOUT_LOG_LEVEL", "BACKOUT_LOG_FORMAT", "BACKOUT_HOST", "BACKOUT_HELM", "XDG_STATE_HOME",
    "BACKOUT_EVIDENCE",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_everything_has_a_default_but_the_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable the packaged systems, Socket Mode and the state folder are used."""
    monkeypatch.setenv("HOME", "/home/somebody")
    found = settings.load()
    assert found.systems == settings.PACKAGED
    assert (settings.PACKAGED / "aivo" / "system.yaml").is_file()
    assert (found.mode, found.port, found.log_level, found.helm) == ("socket", 3000, "INFO", "helm")
    assert found.data == Path("/home/somebody/.local/state/backout")
    assert found.slack_api_url == "https://slack.com/api/"
    assert (found.slack_bot_token, found.kubeconfig, found.overlay) == (None, None, None)


def test_the_environment_is_read_by_known_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable that the documentation names counts."""
    given = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_SIGNING_SECRET": "s1",
        "SLACK_API_URL": "http://127.0.0.1:8400/api",
        "KUBECONFIG": "~/kube",
        "BACKOUT_SYSTEMS": "systems",
        "BACKOUT_OVERLAY": "overlay.yaml",
        "BACKOUT_DATA": "data",
        "BACKOUT_MODE": "http",
        "BACKOUT_PORT": "8080",
        "PORT": "9090",
        "BACKOUT_LOG_LEVEL": "DEBUG",
        "BACKOUT_HELM": "/opt/helm",
        "HOME": "/home/somebody",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = settings.load()
    assert found.slack_bot_token
    assert found.slack_bot_token.get_secret_value() == "xoxb-1"
    assert found.slack_api_url == "http://127.0.0.1:8400/api/"
    assert found.kubeconfig == Path("/home/somebody/kube")
    assert (found.systems, found.overlay) == (Path("systems"), Path("overlay.yaml"))
    assert (found.mode, found.port, found.log_level) == ("http", 8080, "DEBUG")
    found.require_slack()


def test_a_host_that_gives_a_port_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """PORT, which hosts of Procfiles set, counts where BACKOUT_PORT is absent."""
    monkeypatch.setenv("PORT", "9090")
    assert settings.load().port == 9090


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """`BACKOUT_MODE=` in a file of variables means the default."""
    monkeypatch.setenv("BACKOUT_MODE", "")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "")
    assert settings.load().mode == "socket"
    assert settings.load().slack_bot_token is None


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All complaints come together, with what was expected."""
    monkeypatch.setenv("BACKOUT_MODE", "sockets")
    monkeypatch.setenv("BACKOUT_PORT", "many")
    monkeypatch.setenv("BACKOUT_LOG_LEVEL", "loud")
    monkeypatch.setenv("SLACK_API_URL", "slack.com")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert sorted(caught.value.problems) == [
        "BACKOUT_LOG_LEVEL: expected one of DEBUG, INFO, WARNING, ERROR, found `loud`",
        "BACKOUT_MODE: expected one of socket, http, found `sockets` (did you mean `socket`?)",
        "BACKOUT_PORT: expected a whole number, found `many`",
        (
            "SLACK_API_URL: expected an address that begins with https:// or http://,"
            " found `slack.com`"
        ),
    ]


def test_a_port_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port has its limits."""
    monkeypatch.setenv("PORT", "70000")
    with pytest.raises(SettingsError, match="PORT: "):
        settings.load()


def test_a_missing_token_is_explained() -> None:
    """The message says which token it is and where in Slack it is found."""
    with pytest.raises(SettingsError) as caught:
        settings.load().require_slack()
    bot, app = caught.value.problems
    assert bot.startswith("SLACK_BOT_TOKEN is not set: it is the Bot User OAuth Token")
    assert "connections:write" in app


def test_http_needs_the_signing_secret_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed HTTP has no use for an app-level token."""
    monkeypatch.setenv("BACKOUT_MODE", "http")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    with pytest.raises(SettingsError, match=r"^SLACK_SIGNING_SECRET is not set"):
        settings.load().require_slack()


def test_swapped_tokens_are_noticed_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commonest mistake is named, without printing a token."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xapp-s3cret")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xoxb-s3cret")
    found = settings.load()
    with pytest.raises(SettingsError, match="does not begin with xoxb-") as caught:
        found.require_slack()
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("given", "listens", "host"),
    [
        ({}, False, "127.0.0.1"),
        ({"PORT": "8080"}, True, "127.0.0.1"),
        ({"BACKOUT_PORT": "8080", "BACKOUT_HOST": "10.0.0.7"}, True, "10.0.0.7"),
        ({"BACKOUT_MODE": "http"}, True, "0.0.0.0"),
        ({"BACKOUT_MODE": "http", "BACKOUT_HOST": "127.0.0.1"}, True, "127.0.0.1"),
    ],
)
def test_where_the_bot_listens(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], listens: bool, host: str
) -> None:
    """In Socket Mode only where a port is set, and on this machine unless told otherwise."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = settings.load()
    assert (found.listens, found.listens_on) == (listens, host)


@pytest.mark.parametrize("place", ["s3://evidence", "s3://evidence/backout/prod"])
def test_a_bucket_can_be_named(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """With a prefix or without."""
    assert settings.load().evidence is None
    monkeypatch.setenv("BACKOUT_EVIDENCE", place)
    assert settings.load().evidence == place


@pytest.mark.parametrize("place", ["evidence", "s3://", "s3://E", "gs://evidence", "/evidence"])
def test_what_is_no_bucket_is_refused(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """With what one looks like."""
    monkeypatch.setenv("BACKOUT_EVIDENCE", place)
    with pytest.raises(SettingsError, match=r"BACKOUT_EVIDENCE.*s3://bucket/prefix"):
        settings.load()
