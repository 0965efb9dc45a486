"""Read the folders of systems into `Bundle`s, or say everything that is wrong with them.

Called by `bot` at start-up and by `backout check`.  What one file's shape can show is complained
about here, all of it at once; what takes several files to see is for `config.checks`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from config import complaints, documents, overlays
from config.documents import Document, read_text
from config.models.base import Model
from config.models.bundles import Bundle
from config.models.people import People
from config.models.policies import Policy
from config.models.procedures import Procedure
from config.models.requirements import Requirements
from config.models.systems import System
from config.places import ConfigurationError, Place, Problem, did_you_mean, shown

M = TypeVar("M", bound=Model)

MAX_MESSAGE = 16 * 1024
FILES: Mapping[str, type[Model]] = {
    "system.yaml": System,
    "people.yaml": People,
    "policy.yaml": Policy,
}
FOLDERS: Mapping[str, str] = {"procedures": ".yaml", "messages": ".md"}
REQUIREMENTS = "requirements.yaml"
"""The one file that a system may do without."""
FILES_OF_STEPS = "files"
"""The folder of what steps name by `file:files/…`, read by their actions."""


def load_systems(folder: Path, overlay: Path | None = None) -> tuple[Bundle, ...]:
    """Load every system of a folder, in the order of their names.

    `overlay` is a file that changes connections, variables, channels or `live` of some of them.
    Raises `ConfigurationError` with every problem of every file.
    """
    if not folder.is_dir():
        message = "there is no such folder: BACKOUT_SYSTEMS must name one folder a system in it"
        raise ConfigurationError([Problem(place=Place(path=shown(folder)), message=message)])
    systems = [each for each in sorted(folder.iterdir()) if each.is_dir() and _counts(each)]
    if not systems:
        message = "no system is in this folder: each is a folder with a system.yaml"
        raise ConfigurationError([Problem(place=Place(path=shown(folder)), message=message)])
    changes = overlays.load(overlay, [each.name for each in systems]) if overlay else None
    bundles: list[Bundle] = []
    problems: list[Problem] = []
    for each in systems:
        try:
            bundles.append(load_system(each, changes))
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return tuple(bundles)


def load_system(folder: Path, changes: Document | None = None) -> Bundle:
    """Load one system; `changes` is the whole overlay, of which only its part is used.

    Raises `ConfigurationError` with every problem of its files.
    """
    reader = _Reader(folder)
    reader.refuse_strangers()
    system = reader.one("system.yaml", System, changes)
    people = reader.one("people.yaml", People)
    policy = reader.one("policy.yaml", Policy)
    procedures = reader.procedures()
    messages = reader.messages()
    requirements = reader.requirements()
    if system is not None and system.system != folder.name:
        message = f"the system `{system.system}` stands in a folder named `{folder.name}`"
        reader.complain("system.yaml", ("system",), message, "name both the same")
    if reader.problems or system is None or people is None or policy is None:
        raise ConfigurationError(reader.problems)
    return Bundle(
        system=system.placed_in(folder),
        people=people,
        policy=policy,
        procedures=procedures,
        messages=messages,
        requirements=requirements,
        sources=reader.sources,
    )


class _Reader:
    """Reads the files of one system, collecting sources and problems."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources: dict[str, Document] = {}
        self.problems: list[Problem] = []

    def one(self, name: str, model: type[M], changes: Document | None = None) -> M | None:
        """Return a file as a model, or None with problems noted."""
        try:
            document = documents.read(self.folder / name)
        except ConfigurationError as error:
            self.problems.extend(error.problems)
            return None
        if changes is not None:
            document = overlays.apply(document, changes, self.folder.name)
        self.sources[name] = document
        try:
            return model.model_validate(document.data)
        except ValidationError as error:
            self.problems.extend(complaints.problems(error, document, model))
            return None

    def procedures(self) -> dict[str, Procedure]:
        """Return the procedures by their names; each stands in a file of its own name."""
        found: dict[str, Procedure] = {}
        for path in self._inside("procedures"):
            name = f"procedures/{path.name}"
            if (procedure := self.one(name, Procedure)) is None:
                continue
            if procedure.procedure != path.stem:
                message = f"the procedure `{procedure.procedure}` stands in `{path.name}`"
                self.complain(name, ("procedure",), message, "name both the same")
            found[procedure.procedure] = procedure
        return found

    def requirements(self) -> Requirements | None:
        """Return the ids of what the system's document asks for, where it lists them."""
        if not (self.folder / REQUIREMENTS).exists():
            return None
        return self.one(REQUIREMENTS, Requirements)

    def messages(self) -> dict[str, str]:
        """Return the message templates by file name."""
        found: dict[str, str] = {}
        for path in self._inside("messages"):
            try:
                text = read_text(path)
            except ConfigurationError as error:
                self.problems.extend(error.problems)
                continue
            if len(text) > MAX_MESSAGE:
                place = Place(path=shown(path))
                limit = f"the template is longer than {MAX_MESSAGE} characters"
                self.problems.append(Problem(place=place, message=limit))
            found[path.name] = text.strip()
        return found

    def refuse_strangers(self) -> None:
        """Complain about files that nothing would read: a misspelt name must not pass silently."""
        for path in sorted(self.folder.iterdir()):
            known: Iterable[str] = [*FILES, *FOLDERS, REQUIREMENTS, FILES_OF_STEPS]
            if _counts(path) and path.name not in known and path.name != "README.md":
                self._strange(path, known)
        for folder, suffix in FOLDERS.items():
            for path in self._children(folder):
                if _counts(path) and path.suffix != suffix:
                    self._strange(path, [f"{path.stem}{suffix}"])

    def complain(self, name: str, path: documents.Trail, message: str, hint: str = "") -> None:
        """Note a problem at a path of a file."""
        self.problems.append(self.sources[name].problem(path, message, hint))

    def _strange(self, path: Path, known: Iterable[str]) -> None:
        message = f"nothing reads a file of the name `{path.name}`"
        hint = did_you_mean(path.name, known)
        self.problems.append(Problem(place=Place(path=shown(path)), message=message, hint=hint))

    def _inside(self, folder: str) -> list[Path]:
        suffix = FOLDERS[folder]
        return [each for each in self._children(folder) if each.suffix == suffix]

    def _children(self, folder: str) -> list[Path]:
        place = self.folder / folder
        return sorted(each for each in place.iterdir() if _counts(each)) if place.is_dir() else []


def _counts(path: Path) -> bool:
    return not path.name.startswith((".", "__")) and not path.name.endswith("~")
