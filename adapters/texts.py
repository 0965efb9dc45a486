"""Texts that go out: given in place, or a template of the system; exactly one of both.

Called by `slack.post` and the Statuspage actions.
"""

import re

from adapters.values import listed, redact
from flows.actions import Context, PermanentError

MENTIONS = re.compile(r"<(?=[!@#])")
LATER = "(written when the step runs, from what the earlier steps found)"


def check_one_of(**given: str | None) -> None:
    """Raise `ValueError` unless exactly one is given."""
    if sum(value is not None for value in given.values()) != 1:
        raise ValueError(f"give exactly one of {' and '.join(given)}")


def source(context: Context, message: str | None, text: str | None) -> str:
    """Return the text or the template's text; raise `PermanentError` where it is not there."""
    if message is None:
        return text or ""
    found = context.surroundings.messages.get(message)
    if found is None:
        there = listed(sorted(context.surroundings.messages)) or "none"
        raise PermanentError(f'There is no message template "{message}"; there are: {there}.')
    return found


def rendered(
    context: Context, *, message: str | None, text: str | None, mrkdwn: bool = False
) -> str:
    """Return what goes out.  A text in place was rendered with the other inputs already.

    With `mrkdwn` no value can become a mention or a link: a template's values are escaped, and a
    text in place, where values can't be told from the rest, mentions nobody.
    """
    written = source(context, message, text)
    if message is None:
        return MENTIONS.sub("&lt;", written) if mrkdwn else written
    from config import templates

    try:
        return templates.render(written, context.values, mrkdwn=mrkdwn).strip()
    except templates.TemplateError as error:
        raise PermanentError(
            f"The template {message} can't be filled: {redact(str(error))}"
        ) from error


def foreseen(
    context: Context, *, message: str | None, text: str | None, mrkdwn: bool = False
) -> str:
    """Return what would go out, or a note where it is not known yet."""
    source(context, message, text)
    try:
        return rendered(context, message=message, text=text, mrkdwn=mrkdwn)
    except PermanentError:
        return LATER
