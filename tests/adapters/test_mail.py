"""`mail.send` through Amazon SES, and what it takes as an address."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.clients import ClientPool
from adapters.mail.send import MailSendInputs
from adapters.registry import ActionRegistry
from flows.actions import Holds, PermanentError, Refuted, TransientError, UnknownOutcomeError
from tests.adapters.aws_answers import ACCOUNT, AwsAnswers
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use

SEND = "sesv2:SendEmail"
TAKEN = {"MessageId": "0100018c-1"}


@pytest.fixture
def use(
    registry: ActionRegistry, pool: ClientPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Any], tuple[Use, AwsAnswers]]:
    """Make a use, and the SES that answers it."""

    def make(*answers: Any) -> tuple[Use, AwsAnswers]:
        aws = AwsAnswers({SEND: list(answers)})
        monkeypatch.setattr("adapters.aws.sessions.new_session", aws.new_session)
        context = FakeContext(
            system=system_for(
                aws={"account": ACCOUNT, "region": "us-east-1"},
                mail={"sender": "alerts@aivo.edu", "ses": True},
            ),
            surroundings=surroundings_for(tmp_path),
            clients=pool,
            key="INC-7/urgent/1",
        )
        given = {"to": "ceo@aivo.edu", "subject": "Rollback", "body": "15 minutes."}
        return Use(registry, context, "mail.send", "urgent", **given, reply_to="a@aivo.edu"), aws

    return make


@pytest.mark.covers("AIVO-C2", "AIVO-FIX38")
async def test_ses_takes_it_once(use: Callable[..., tuple[Use, AwsAnswers]]) -> None:
    """SES gets structured fields; what it answers is kept, and nothing is sent twice."""
    mail, aws = use(TAKEN)
    assert (await mail.preview()).warnings == ()
    await mail.apply()
    done = await mail.verify()
    assert isinstance(done, Holds)
    assert done.summary == "Amazon SES took it for 1 recipient: message 0100018c-1"
    await mail.action.apply(mail.inputs, mail.captured, mail.context)
    (asked,) = aws.asked
    assert asked["Destination"] == {"ToAddresses": ["ceo@aivo.edu"]}
    assert asked["ReplyToAddresses"] == ["a@aivo.edu"]
    assert {"Name": "X-Backout-Incident", "Value": "INC-7"} in asked["Content"]["Simple"]["Headers"]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"error": "AccessDeniedException", "status": 403}, PermanentError, "ses:SendEmail on arn"),
        ({"error": "TooManyRequestsException", "status": 429}, TransientError, "too fast"),
        ({"error": "MessageRejected", "message": "not verified"}, PermanentError, "not verified"),
    ],
)
async def test_what_ses_refuses_was_not_sent(
    use: Callable[..., tuple[Use, AwsAnswers]], answer: Any, error: type[Exception], words: str
) -> None:
    """A refusal is known to have sent nothing."""
    mail, _ = use(answer)
    with pytest.raises(error, match=words):
        await mail.action.apply(mail.inputs, {}, mail.context)
    assert isinstance(await mail.verify(), Refuted)


async def test_a_lost_answer_of_ses_is_for_people(
    use: Callable[..., tuple[Use, AwsAnswers]],
) -> None:
    """SES has no key against repeats, so a lost answer is never followed by a second sending."""
    mail, aws = use("cut")
    with pytest.raises(UnknownOutcomeError):
        await mail.action.apply(mail.inputs, {}, mail.context)
    with pytest.raises(PermanentError, match="can't be known"):
        await mail.verify()
    assert len(aws.asked) == 1


def test_the_right_to_send_is_named_for_ses_only(
    use: Callable[..., tuple[Use, AwsAnswers]],
) -> None:
    """The domain's identity and the address' own; none where mail goes over SMTP."""
    mail, _ = use(TAKEN)
    rights = mail.action.permissions(mail.inputs, mail.context.system)
    assert {each.verb for each in rights} == {"ses:SendEmail"}
    assert [each.resource.rpartition("/")[2] for each in rights] == ["aivo.edu", "alerts@aivo.edu"]
    smtp = system_for(mail={"sender": "alerts@aivo.edu", "smtp": {"host": "mail.aivo.edu"}})
    assert mail.action.permissions(mail.inputs, smtp) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": []},
        {"to": "help"},
        {"to": "a@b.de, c@d.de"},
        {"to": "Help <help@aivo.edu>"},
        {"to": "help@aivo.edu\r\nBcc: x@y.de"},
        {"to": ["help@aivo.edu", "HELP@aivo.edu"]},
        {"to": "hülfe@aivo.edu"},
        {"subject": "one\r\nBcc: x@y.de"},
        {"body": None},
        {"message": "customers.md"},
        {"reply_to": "nobody"},
    ],
)
def test_wrong_inputs_are_refused(wrong: dict[str, Any]) -> None:
    """No header and no second recipient can be smuggled in, and the text is given once."""
    right = {"to": "help@aivo.edu", "subject": "Rollback", "body": "15 minutes."}
    MailSendInputs.model_validate(right)
    with pytest.raises(ValidationError):
        MailSendInputs.model_validate(right | wrong)
