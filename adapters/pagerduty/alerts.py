"""What an alert says, and by which key PagerDuty knows it.

One alert an incident and level of the escalation chain, however often the level is called: a
repeat joins the alert that is there.  A level that is called after somebody has acknowledged is
wanted for another reason, and rings again.
"""

from collections.abc import Iterator
from typing import Any

from adapters.values import redact
from flows.paging import Page
from flows.runs import Run

Json = Any
LONGEST_SUMMARY = 1024
LONGEST_TEXT = 1000
SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
REDIRECT = "https://slack.com/app_redirect?channel="
ANSWER = "Acknowledge here, press Acknowledge in Slack, or type !incident ack in the channel."


def key_of(run: Run, page: Page) -> str:
    """Return an alert's key: the same in every try, and another one in another journal."""
    declared = f"{run.declared_at:%Y%m%dT%H%M%SZ}"
    key = f"backout:{run.system}:{run.id}:{declared}:{page.subject}"
    return f"{key}:{page.number}" if _is_later(run, page) else key


def keys_of(run: Run, pages: Iterator[Page]) -> tuple[str, ...]:
    """Return the keys of the alerts that pages belong to, each once."""
    return tuple(dict.fromkeys(key_of(run, page) for page in pages))


def is_answered(run: Run, page: Page) -> bool:
    """Say whether somebody has acknowledged since a page was sent."""
    return run.acknowledged is not None and not _is_later(run, page)


def _is_later(run: Run, page: Page) -> bool:
    return run.acknowledged is not None and page.at > run.acknowledged.at


def trigger(run: Run, page: Page) -> dict[str, Json]:
    """Return the event that opens an alert, but for its keys."""
    event: dict[str, Json] = {
        "client": "Backout",
        "payload": {
            "summary": _cut(_summary(run, page), LONGEST_SUMMARY),
            "source": run.system,
            "severity": SEVERITIES.get(run.severity, "critical"),
            "timestamp": page.at.isoformat(),
            "group": run.environment,
            "class": "incident",
            "custom_details": _details(run, page),
        },
    }
    if run.channel:
        event["links"] = [{"href": f"{REDIRECT}{run.channel}", "text": "Incident channel"}]
    return event


def _summary(run: Run, page: Page) -> str:
    why = f" ({page.why})" if page.why else ""
    return redact(f"{run.id} {run.system_title}, {run.environment}: {run.reason}{why}")


def _details(run: Run, page: Page) -> dict[str, str]:
    said = {
        "incident": run.id,
        "system": run.system_title,
        "environment": run.environment,
        "reason": run.reason,
        "called as": page.title,
        "called because": page.why,
        "people": ", ".join(person.name for person in page.people),
        "declared by": run.declared_by.name,
        "declared at": run.declared_at.isoformat(),
        "channel": f"#{run.channel_name}",
        "answer": ANSWER,
    }
    return {name: _cut(redact(text), LONGEST_TEXT) for name, text in said.items() if text}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
