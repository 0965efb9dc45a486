"""Collects problems of one system, and turns places inside texts into lines and columns."""

from collections.abc import Iterable

from config.documents import Document, Trail
from config.models.bundles import Bundle
from config.places import Place, Problem, did_you_mean


class Notes:
    """The problems of one bundle, found by all checks together."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.problems: set[Problem] = set()

    def add(
        self, file: str, trail: Trail, message: str, hint: str = "", *, at_key: bool = False
    ) -> None:
        """Note a problem at a key or a value."""
        document = self._document(file)
        self.problems.add(document.problem(trail, message, hint, at_key=at_key))

    def inside(self, file: str, trail: Trail, offset: int, message: str, hint: str = "") -> None:
        """Note a problem at an offset inside a text."""
        place = self._document(file).inside(trail, offset)
        self.problems.add(Problem(place=place, message=message, hint=hint))

    def in_message(self, name: str, text: str, offset: int, message: str, hint: str = "") -> None:
        """Note a problem at an offset inside a message template."""
        path = self._document(f"messages/{name}").path
        before = text[:offset]
        line = before.count("\n") + 1
        place = Place(path=path, line=line, column=offset - (before.rfind("\n") + 1) + 1)
        self.problems.add(Problem(place=place, message=message, hint=hint))

    def must_exist(
        self, file: str, trail: Trail, kind: str, word: str, known: Iterable[str]
    ) -> bool:
        """Note a name that leads nowhere, with the nearest that would not."""
        names = tuple(known)
        if word not in names:
            self.add(file, trail, f"there is no {kind} `{word}`", did_you_mean(word, names))
        return word in names

    def must_differ(self, file: str, what: str, trails: Iterable[tuple[Trail, str]]) -> None:
        """Note every name that was used before it."""
        seen: set[str] = set()
        for trail, name in trails:
            if name in seen:
                self.add(file, trail, f"the {what} `{name}` is there twice")
            seen.add(name)

    def _document(self, file: str) -> Document:
        found = self.bundle.sources.get(file)
        return found if found is not None else Document(path=file, data=None, spots={})
