"""Who was called, who has answered, and who is called next."""

from collections.abc import Sequence
from datetime import timedelta

from bot.wording import commands
from bot.wording.texts import (
    bold,
    both,
    capital,
    clock,
    cut,
    duration,
    inline,
    mention,
    sentence,
)
from config.models.people import Vendor
from flows.gates import Person
from flows.paging import Page, Reached
from flows.runs import Run

WAYS = {"slack": "a direct message", "pagerduty": "PagerDuty", "mail": "mail"}
SUBJECT_LIMIT = 150


def as_what(page: Page) -> str:
    """Write as what people are called: ` as *Engineering Lead*`, or nothing."""
    return f" as {bold(page.title, 80)}" if page.title else ""


def called(run: Run, page: Page) -> str:
    """Tell one person that they are called, and why."""
    why = f" because {inline(page.why, 200)}" if page.why else ""
    return f"*You are called to {inline(run.id, 60)}*{as_what(page)}{why}."


def page_letter(run: Run, page: Page) -> tuple[str, str]:
    """Return subject and text of the mail that calls somebody, without any markup."""
    subject = f"{run.id}: you are called – {' '.join(run.reason.split())}"
    channel = f"#{run.channel_name}" if run.channel else "the incident's channel in Slack"
    as_what = f" as {page.title}" if page.title else ""
    why = f", because {page.why}" if page.why else ""
    text = f"""\
You are called to {run.id}{as_what}{why}.

{run.system_title}, {run.environment}: {run.reason}

Please go to {channel}; the card there says where it stands. Press Acknowledge,
or type !incident ack, so that nobody else is woken.

Where Slack is away: backout ack {run.id} --as YOUR-ID on Backout's machine.
"""
    return cut(subject, SUBJECT_LIMIT), text


def escalated(run: Run, page: Page) -> str:
    """Tell the channel who is called now, and what stops it."""
    people = both([mention(p.slack, p.name) for p in page.people], shown=8)
    are = "is" if len(page.people) == 1 else "are"
    said = f"{_because(run, page)}{people or 'nobody'} {are} called{as_what(page)}."
    if run.acknowledged is not None:
        return said
    return f"{said}\nWhoever is there: press *Acknowledge* or type `!incident ack`."


def _because(run: Run, page: Page) -> str:
    if not page.why:
        return ""
    waited = (
        f" for {duration((page.at - run.declared_at).total_seconds())}" if page.unanswered else ""
    )
    return f"*{capital(inline(page.why, 200))}{waited}:* "


def page_failed(page: Page) -> str:
    """Say which way of calling whom failed, and who must be called by hand."""
    names = {person.id: person for person in page.people}
    failed = [
        f"{_name(names, each)} by {_way(each)}: {inline(each.note, 200)}" for each in page.failures
    ]
    lost = both([mention(p.slack, p.name) for p in page.unreached], shown=8)
    head = "Not everybody was reached." if lost else "One way of calling people failed."
    text = f"*{head}* {sentence('; '.join(failed[:4]))}"
    rest = f"Please call {lost} by hand." if lost else "Everybody was reached in another way."
    return f"{text}\n{rest}"


def _name(names: dict[str, Person], each: Reached) -> str:
    person = names.get(each.person)
    return inline(person.name if person else each.person, 80)


def _way(each: Reached) -> str:
    return WAYS.get(each.via, inline(each.via, 40)) if each.via else "no way"


def standing(run: Run) -> str:
    """Write for the card who was called and who answered, or who is called next and when."""
    if not run.rungs_called or run.ended:
        return ""
    chain = [page for page in run.pages if page.subject.startswith("level:")]
    names = both(dict.fromkeys(inline(p.name, 80) for page in chain for p in page.people), shown=4)
    parts = [f"Called: {names}"] if names else []
    if run.acknowledged is not None:
        took = duration((run.acknowledged.at - run.declared_at).total_seconds())
        who = inline(run.acknowledged.person.name, 80)
        return " · ".join([*parts, f"✓ {who} acknowledged after {took}"])
    return capital(" · ".join([*parts, "nobody has acknowledged yet", *_next(run)]))


def _next(run: Run) -> list[str]:
    if run.rung_called_at is None:
        return []
    now = run.chain[min(run.rungs_called, len(run.chain)) - 1]
    following = run.chain[min(run.rungs_called, len(run.chain) - 1)]
    people = both([inline(p.name, 80) for p in following.people], shown=3)
    when = clock(run.rung_called_at + timedelta(seconds=now.lasts))
    return [f"next {people or inline(following.title, 60)} at {when}"]


def acknowledged(run: Run, person: Person) -> str:
    """Answer who acknowledged."""
    return (
        f"Thank you, {inline(person.name, 80)}: nobody else is called for {inline(run.id, 60)}. "
        "The card says where it stands and what is wanted."
    )


def asked_by(person: Person) -> str:
    """Say for the record why people were called."""
    return f"{person.name} asked for it"


def paged(people: Sequence[Person]) -> str:
    """Answer who called people."""
    names = both([inline(person.name, 80) for person in people], shown=8)
    return f"{names} {'is' if len(people) == 1 else 'are'} being called; the card says who answers."


def nobody_listed(title: str) -> str:
    """Answer who called a role that nobody has."""
    return f"Nobody was called: people.yaml lists nobody as {bold(title, 80)}. Name a person."


def vendor(found: Vendor) -> str:
    """Say how an outside party is called: people do that, by telephone."""
    ways = [
        f"telephone {inline(found.phone, 40)}" if found.phone else "",
        f"e-mail {inline(found.email, 80)}" if found.email else "",
        inline(found.url, 200) if found.url else "",
        f"contact: {inline(found.contact, 160)}" if found.contact else "",
    ]
    said = " · ".join(way for way in ways if way) or "people.yaml names no way to reach them"
    return f"{bold(found.title, 80)} is called by people, not by Backout: {said}."


def page_whom(said: str, names: Sequence[str]) -> str:
    """Ask whom to call."""
    if said:
        return commands.unknown_name("level, role, person or vendor", said, names)
    return commands.missing("page", f"to know whom: {', '.join(names)}")
