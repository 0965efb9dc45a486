"""Logs: no secret is ever written, whoever logs it."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from bot import logs
from bot.logs import MASK, Redactor
from bot.observing import write_down
from flows.moments import moments
from tests.bot import story


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token xoxb-1234-5678-abcdef refused", "xoxb-1234-5678-abcdef"),
        ("xapp-1-A0-123-deadbeef", "deadbeef"),
        ("Authorization: Bearer abc.def-ghi_jkl", "abc.def-ghi_jkl"),
        ("{'Authorization': 'OAuth 12345678'}", "12345678"),
        ("https://hooks.slack.com/services/T0/B0/zzzz", "zzzz"),
        ("postgres://aivo:hunter22@db:5432/aivo", "hunter22"),
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ('{"client_secret": "s3cr3tvalue"}', "s3cr3tvalue"),
        ("password=hunter22&x=1", "hunter22"),
        ("SLACK_SIGNING_SECRET=8f742231b10e", "8f742231b10e"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
    ],
)
def test_known_shapes_are_masked(text: str, secret: str) -> None:
    """Tokens are found by how they look."""
    said = Redactor()(text)

    assert secret not in said
    assert MASK in said


@pytest.mark.parametrize(
    "text",
    [
        "INC-1: step rollback done: revision 42 → 41",
        "the token is missing",
        "https://api.aivo.edu/health answered 503",
        "waiting for pods: 9 of 12 ready",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    """Redaction that eats the sense of a log helps nobody."""
    assert Redactor()(text) == text


def test_values_that_were_announced_are_masked() -> None:
    """A secret without a shape is found by its value, the longest one first."""
    redact = Redactor(["wonderland", "wonderland-2"])

    assert redact("it is wonderland-2 or wonderland") == f"it is {MASK} or {MASK}"


def test_very_short_values_are_not_hidden() -> None:
    """A secret of two letters would blacken every log."""
    assert Redactor(["ab"])("about") == "about"


def test_secrets_are_known_by_their_variables() -> None:
    """Variables whose names say so hold secrets."""
    environment = {"AIVO_STATUSPAGE_TOKEN": "a-value", "DB_PASSWORD": "b-value", "HOME": "/home/me"}

    assert logs.secrets_of(environment) == ["a-value", "b-value"]


def test_messages_arguments_and_tracebacks_are_masked() -> None:
    """Redaction covers whatever is about to be written."""
    stream = io.StringIO()
    logs.setup("info", environment={"X_TOKEN": "wonderland"}, stream=stream)
    try:
        raise ValueError("wonderland in an exception")
    except ValueError:
        logging.getLogger("test").exception("said %s", "xoxb-1234-5678-abcdef")

    said = stream.getvalue()
    assert "ERROR test: said" in said
    assert "ValueError" in said
    assert "wonderland" not in said
    assert "xoxb-1234" not in said


def test_json_lines_stand_for_themselves() -> None:
    """A collector gets one object a line, also with a traceback."""
    stream = io.StringIO()
    logs.setup("info", as_json=True, stream=stream)
    logging.getLogger("test").warning("two\nlines")

    entry = json.loads(stream.getvalue())
    assert (entry["level"], entry["message"]) == ("warning", "two\nlines")
    assert entry["at"].endswith("Z")


def test_libraries_speak_up_only_about_problems() -> None:
    """Slack's SDK says much at level info that nobody reads."""
    stream = io.StringIO()
    logs.setup("info", stream=stream)
    child = logging.getLogger("slack_bolt.AsyncApp")
    child.setLevel(logging.INFO)  # as bolt does
    child.info("a new session has been established")

    assert stream.getvalue() == ""
    assert not logging.getLogger("slack_sdk").isEnabledFor(logging.INFO)
    assert logging.getLogger("slack_sdk").isEnabledFor(logging.WARNING)


async def test_a_line_carries_the_incident_that_it_belongs_to() -> None:
    """In a task that works on a step every line says so; beside it none does."""
    stream = io.StringIO()
    logs.setup("info", as_json=True, stream=stream)

    async def work() -> None:
        logs.belongs(incident="INC-7", step="rollback", attempt=2)
        logging.getLogger("some.library").info("waiting")

    await asyncio.create_task(work())
    logging.getLogger("some.library").info("nothing in particular")
    inside, outside = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (inside["incident"], inside["step"], inside["attempt"]) == ("INC-7", "rollback", 2)
    assert "incident" not in outside


def test_fields_are_redacted_and_those_of_libraries_are_left_out() -> None:
    """A field can hold a secret as well as a message."""
    stream = io.StringIO()
    logs.setup("info", as_json=True, environment={"A_TOKEN": "hunter22"}, stream=stream)
    log = logging.getLogger("here")
    log.info("x", extra={"actor": "it is hunter22", "body": "hunter22", "seq": 3})
    assert json.loads(stream.getvalue())["actor"] == f"it is {MASK}"
    assert "hunter22" not in stream.getvalue()
    assert "body" not in stream.getvalue()


def test_text_names_the_incident_in_front() -> None:
    """What is known of it, and nothing where nothing is."""
    stream = io.StringIO()
    logs.setup("info", stream=stream)
    log = logging.getLogger("here")
    with logs.about(incident="INC-7"):
        log.info("one")
        with logs.about(step="rollback", attempt=2):
            log.info("two")
    log.info("three")
    said = [line.partition("INFO here: ")[2] for line in stream.getvalue().splitlines()]
    assert said == ["[INC-7] one", "[INC-7 rollback/2] two", "three"]


def test_the_log_tells_every_event_and_nothing_that_was_said() -> None:
    """One line an event: its kind and number, and the name of whoever it was."""
    stream = io.StringIO()
    logs.setup("info", as_json=True, stream=stream)
    told = story.restoring()
    for moment in moments(told.history):
        write_down(moment)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(told.history) + 1))
    assert {line["incident"] for line in lines} == {"INC-7"}
    first, last = lines[0], lines[-1]
    assert (first["kind"], first["actor"]) == ("IncidentDeclared", "Marcus Rodriguez")
    assert (last["kind"], last["step"]) == ("StepStarted", "rollout")
    assert "checkout" not in stream.getvalue()
