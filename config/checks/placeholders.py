"""Values that stand for real ones: all right to try things out, refused for a live system."""

import re
from collections.abc import Iterator

from config.models.bundles import Bundle
from config.places import Problem

PLACEHOLDERS = {
    re.compile(r"\bxyz\b", re.IGNORECASE): "`xyz` stands for a real name",
    re.compile(r"\bexample\.(com|org|net|edu)\b|\.example\b"): "this is an example's address",
    re.compile(r"\b(AKIA|ASIA)[A-Z0-9]*EXAMPLE\b"): "this is the key of an example",
    re.compile(r"\b123456789(012)?\b"): "this is an example's account number",
    re.compile(r"\b555-01\d\d\b"): "this phone number is reserved for fiction",
    re.compile(r"\b(CHANGE_?ME|REPLACE_?ME|TODO|FIXME)\b"): "this is still to be filled in",
    re.compile(r"^<[^<>]+>$"): "this is still to be filled in",
}


def find(bundle: Bundle) -> Iterator[Problem]:
    """Yield a problem for every value that must be replaced before the system is live."""
    for document in bundle.sources.values():
        for trail in document.spots:
            value = document.data_at(trail)
            if not isinstance(value, str | int) or isinstance(value, bool):
                continue
            for pattern, message in PLACEHOLDERS.items():
                if found := pattern.search(str(value)):
                    place = document.inside(trail, found.start())
                    hint = "replace it before `live: true`"
                    yield Problem(place=place, message=message, hint=hint)
                    break
