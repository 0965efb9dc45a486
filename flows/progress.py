"""What running steps say of themselves: shown to people, kept nowhere, true until the next word.

`flows.performing` reports, the card reads.  Among replicas `flows.shared.driver` passes on what is
new, because the one that performs is not always the one that draws.
"""

from collections.abc import Mapping


class Progress:
    """The last word of every running step."""

    def __init__(self) -> None:
        self._texts: dict[str, dict[str, str]] = {}
        self._news: dict[tuple[str, str], str | None] = {}

    def report(self, incident: str, step: str, text: str) -> None:
        """Keep what a step says now."""
        if self._texts.get(incident, {}).get(step) != text:
            self.hear(incident, step, text)
            self._news[incident, step] = text

    def forget(self, incident: str, step: str) -> None:
        """Drop the words of a step that does not run any more."""
        if step in self._texts.get(incident, {}):
            self.hear(incident, step, None)
            self._news[incident, step] = None

    def of(self, incident: str) -> Mapping[str, str]:
        """Return the words of an incident's running steps."""
        return self._texts.get(incident, {})

    def hear(self, incident: str, step: str, text: str | None) -> None:
        """Take over what a step said elsewhere; None where it has ended."""
        texts = self._texts.setdefault(incident, {})
        texts.pop(step, None)
        if text is not None:
            texts[step] = text
        if not texts:
            del self._texts[incident]

    def news(self) -> Mapping[tuple[str, str], str | None]:
        """Return what was said here since the last time, the newest word of each step."""
        news, self._news = self._news, {}
        return news
