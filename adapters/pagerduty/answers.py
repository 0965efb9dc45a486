"""Who acknowledged an alert in PagerDuty, and who that is.  Asked by `bot.pagerduty`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters.pagerduty.calls import Calls, RefusedError

Json = Any
STATUSES = ("acknowledged", "resolved")
NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """Somebody as PagerDuty knows them.  `email` is None where it is not known."""

    id: str
    name: str
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to an alert: who gave it, to which of PagerDuty's own incidents."""

    incident: str
    by: Answerer


class Answers:
    """Asks PagerDuty's REST API with one key."""

    def __init__(self, calls: Calls, url: str, token: str) -> None:
        self._calls = calls
        self._url = url
        self._token = token

    async def to(self, key: str) -> Answer | None:
        """Return the first answer of a person to an alert, or None.

        Whoever resolved it there is there as well.  Raises `PagerdutyError`.
        """
        query = {"incident_key": key, "statuses[]": STATUSES}
        body = await self._get("/incidents", query)
        for incident in _mappings(body.get("incidents")):
            person = next(_people(incident), None)
            if person is not None:
                return Answer(incident=str(incident.get("id")), by=await self.known(person))
        return None

    async def known(self, person: Answerer) -> Answerer:
        """Return a person with their e-mail address, where PagerDuty has one.

        Raises `PagerdutyError`.
        """
        try:
            body = await self._get(f"/users/{quote(person.id, safe='')}", {})
        except RefusedError as error:
            if error.status == NOT_FOUND:
                return person
            raise
        user = body.get("user")
        found = user if isinstance(user, Mapping) else {}
        name = str(found.get("name") or person.name)
        return Answerer(id=person.id, name=name, email=found.get("email") or None)

    async def _get(self, path: str, query: Mapping[str, Json]) -> dict[str, Json]:
        return await self._calls.get(self._url, self._token, path, query)


def person_of(reference: Json) -> Answerer | None:
    """Read a reference to a person; None for one to a service or an integration."""
    if not isinstance(reference, Mapping) or not reference.get("id"):
        return None
    if not str(reference.get("type", "")).startswith("user"):
        return None
    given = str(reference["id"])
    return Answerer(id=given, name=str(reference.get("summary") or given))


def _people(incident: Mapping[str, Json]) -> Iterator[Answerer]:
    answers = sorted(
        _mappings(incident.get("acknowledgements")), key=lambda each: str(each.get("at", ""))
    )
    references = [each.get("acknowledger") for each in answers]
    if incident.get("status") == "resolved":
        references.append(incident.get("last_status_change_by"))
    return (person for each in references if (person := person_of(each)) is not None)


def _mappings(found: Json) -> list[Mapping[str, Json]]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
