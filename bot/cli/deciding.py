"""The commands that decide while Slack is away, and those that enrol people for it.

Names, arguments and help only, added to `bot.cli.app`; Typer is the only import, as there.
"""

from enum import StrEnum
from typing import Annotated

import typer

Incident = Annotated[str, typer.Argument(help="For instance INC-7, or 7.")]
Person = Annotated[str, typer.Option("--as", help="Who you are: your id in people.yaml.")]
Code = Annotated[
    str | None,
    typer.Option(metavar="-", help="- reads the code from stdin; left out, you are asked for it."),
]
Step = Annotated[str, typer.Option(help="A step's id; left out, what waits now is meant.")]
Digest = Annotated[str, typer.Option(help="The plan's digest, its first 8 characters or more.")]
Reason = Annotated[str, typer.Option(help="For the record.")]
NeededReason = Annotated[str, typer.Option("--reason", help="For the record.")]
Named = Annotated[str, typer.Argument(help="A person's id in people.yaml.")]
System = Annotated[str | None, typer.Option(help="Where several systems list this person.")]


class Answer(StrEnum):
    """What a question is answered with."""

    YES = "yes"
    NO = "no"


totp = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def approve(
    incident: Incident, person: Person, digest: Digest = "", step: Step = "", code: Code = None
) -> None:
    """Approve the plan that you have read, or a step that waits."""
    _order("approve", incident, person=person, code=code, digest=digest, step=step)


def deny(
    incident: Incident,
    person: Person,
    reason: NeededReason,
    step: Step = "",
    digest: Digest = "",
    code: Code = None,
) -> None:
    """Deny the plan, or a step that waits."""
    _order("deny", incident, person=person, code=code, digest=digest, step=step, reason=reason)


def emergency(
    incident: Incident, person: Person, reason: NeededReason, digest: Digest = "", code: Code = None
) -> None:
    """Begin on your word alone what loses nothing; a review of it is owed afterwards."""
    _order("emergency", incident, person=person, code=code, digest=digest, reason=reason)


def hold(incident: Incident, person: Person, reason: Reason = "", code: Code = None) -> None:
    """Begin nothing new; what is under way is finished."""
    _order("hold", incident, person=person, code=code, reason=reason)


def resume(incident: Incident, person: Person, code: Code = None) -> None:
    """Go on after a hold."""
    _order("resume", incident, person=person, code=code)


def retry(incident: Incident, person: Person, step: Step = "", code: Code = None) -> None:
    """Try what failed again, or one step of it."""
    _order("retry", incident, person=person, code=code, step=step)


def skip(
    incident: Incident,
    step: Annotated[str, typer.Argument(help="The step's id.")],
    person: Person,
    reason: NeededReason,
    code: Code = None,
) -> None:
    """Go on without a step."""
    _order("skip", incident, person=person, code=code, step=step, reason=reason)


def undo(incident: Incident, person: Person, reason: Reason = "", code: Code = None) -> None:
    """Put back everything that was changed."""
    _order("undo", incident, person=person, code=code, reason=reason)


def abort(incident: Incident, person: Person, reason: NeededReason, code: Code = None) -> None:
    """End an incident in which nothing was changed."""
    _order("abort", incident, person=person, code=code, reason=reason)


def ack(incident: Incident, person: Person, code: Code = None) -> None:
    """Say that you are there, so that nobody else is called."""
    _order("ack", incident, person=person, code=code)


def withdraw(incident: Incident, person: Person, step: Step = "", code: Code = None) -> None:
    """Take your approval back, as long as it has not opened the gate."""
    _order("withdraw", incident, person=person, code=code, step=step)


def answer(
    incident: Incident,
    question: Annotated[str, typer.Argument(help="The question's id.")],
    said: Annotated[Answer, typer.Argument(metavar="yes|no")],
    person: Person,
    code: Code = None,
) -> None:
    """Answer a question that the policy asks."""
    is_yes = said is Answer.YES
    _order("answer", incident, person=person, code=code, text=question, answer=is_yes)


def note(
    incident: Incident,
    text: Annotated[str, typer.Argument(help="What is to be remembered.")],
    person: Person,
    code: Code = None,
) -> None:
    """Keep a note on the timeline."""
    _order("note", incident, person=person, code=code, text=text)


def page(
    incident: Incident,
    whom: Annotated[str, typer.Argument(help="A level, a role, a person, or a vendor.")],
    person: Person,
    code: Code = None,
) -> None:
    """Call somebody now; of a vendor, say how to."""
    _order("page", incident, person=person, code=code, text=whom)


def _order(  # noqa: PLR0913  # what the commands have in common, by name
    verb: str,
    incident: str,
    *,
    person: str,
    code: str | None,
    step: str = "",
    digest: str = "",
    reason: str = "",
    text: str = "",
    answer: bool | None = None,
) -> None:
    from bot.cli import ordering

    ended = ordering.order(
        verb,
        incident,
        person=person,
        code=code,
        step=step,
        digest=digest,
        reason=reason,
        text=text,
        answer=answer,
    )
    raise typer.Exit(ended)


@totp.command("enroll")
def totp_enroll(
    person: Named,
    system: System = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Make a new one; the old one is worthless then.")
    ] = False,
) -> None:
    """Give a person a second factor; prints the address for their authenticator app once."""
    from bot.cli import enrolling

    raise typer.Exit(enrolling.enroll(person, system, replace=replace))


@totp.command("remove")
def totp_remove(person: Named, system: System = None) -> None:
    """Take a person's second factor away."""
    from bot.cli import enrolling

    raise typer.Exit(enrolling.remove(person, system))


COMMANDS = (
    *(approve, deny, withdraw, emergency, hold, resume, retry, skip, undo, abort),
    *(ack, page, answer, note),
)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in COMMANDS:
        app.command()(command)
    app.add_typer(totp, name="totp", help="Second factors: who may decide on the command line.")
