"""`covers`: ids that look like ids, of one document, and known where the system lists its own."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from config.checks.notes import Notes
from config.documents import Trail
from config.models.bundles import Bundle
from config.places import Place, did_you_mean

ID = re.compile(r"^(?P<document>[A-Z][A-Z0-9]*)-[A-Z]+[0-9]+$")
NAMES = ("id", "procedure", "title", "system", "uses")
"""The keys by which an entry is known, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An entry of a file that says that it meets a requirement; `entry` names it."""

    requirement: str
    file: str
    trail: Trail
    place: Place
    entry: str


def claims(bundle: Bundle) -> Iterator[Claim]:
    """Yield every id that a system's files claim to meet, in the order of the files."""
    for file, document in bundle.sources.items():
        for trail, spot in document.spots.items():
            if len(trail) > 1 and trail[-2] == "covers" and isinstance(trail[-1], int):
                owner = document.data_at(trail[:-2])
                named = (str(owner[key]) for key in NAMES if key in owner)
                yield Claim(
                    requirement=str(document.data_at(trail)),
                    file=file,
                    trail=trail,
                    place=spot.value,
                    entry=next(named, str(trail[-3]) if len(trail) > 2 else file),
                )


def check(notes: Notes) -> None:
    """Note ids of no known form, of another system's document, and those that nobody asks for."""
    found = [(claim, ID.match(claim.requirement)) for claim in claims(notes.bundle)]
    documents = Counter(match["document"] for _, match in found if match)
    main = documents.most_common(1)[0][0] if documents else ""
    listed = notes.bundle.requirements
    known = listed.requirements if listed else None
    for claim, match in found:
        text, where = claim.requirement, (claim.file, claim.trail)
        if match is None:
            notes.add(*where, f"`{text}` is no requirement id", "they look like AIVO-R5")
        elif match["document"] != main:
            message = f"`{text}` belongs to another document than the other ids ({main})"
            notes.add(*where, message)
        elif known is not None and text not in known:
            message = f"requirements.yaml has no `{text}`"
            notes.add(*where, message, did_you_mean(text, known))
