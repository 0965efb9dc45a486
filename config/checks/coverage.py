"""`covers`: ids that look like ids, of one document."""

import re
from collections import Counter

from config.checks.notes import Notes
from config.documents import Trail

ID = re.compile(r"^(?P<document>[A-Z][A-Z0-9]*)-[A-Z]+[0-9]+$")


def check(notes: Notes) -> None:
    """Note ids of no known form, and ids of another system's document."""
    found = [
        (file, trail, str(document.data_at(trail)))
        for file, document in notes.bundle.sources.items()
        for trail in document.spots
        if _is_id(trail)
    ]
    matches = [(file, trail, text, ID.match(text)) for file, trail, text in found]
    documents = Counter(match["document"] for *_, match in matches if match)
    main = documents.most_common(1)[0][0] if documents else ""
    for file, trail, text, match in matches:
        if match is None:
            notes.add(file, trail, f"`{text}` is no requirement id", "they look like AIVO-R5")
        elif match["document"] != main:
            message = f"`{text}` belongs to another document than the other ids ({main})"
            notes.add(file, trail, message)


def _is_id(trail: Trail) -> bool:
    return len(trail) > 1 and trail[-2] == "covers" and isinstance(trail[-1], int)
