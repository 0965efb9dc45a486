"""Events, commands and runs as JSON, with a version, and back.

Called by the journal.  Old snapshots are brought up to date by `UPGRADES`, one function a
version; event and command kinds are class names, so that an old journal stays readable.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, get_args

from pydantic import TypeAdapter

from flows import commands, events
from flows.commands import Command
from flows.events import Actor, Event, Recorded
from flows.plans import canonical
from flows.runs import VERSION, Run

EVENTS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(events.Event)}
COMMANDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(commands.Command)}
UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


DAMAGED = "the journal was damaged, or written by a newer Backout"


class CodecError(Exception):
    """What the journal holds was written by a newer version, or is damaged."""


_adapters: dict[str, TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return the adapter of a class, built at first use: building one costs milliseconds."""
    name = kind.__name__
    if name not in _adapters:
        _adapters[name] = TypeAdapter(kind)
    return _adapters[name]


def warm_up() -> None:
    """Build every adapter now instead of at the first event of its kind."""
    for kind in (*EVENTS.values(), *COMMANDS.values(), Actor, Run):
        _adapter(kind)


def encode(value: Event | Command | Actor | Run) -> str:
    """Write a value as canonical JSON."""
    return canonical(_adapter(type(value)).dump_python(value, mode="json"))


def snapshot(run: Run) -> str:
    """Write a run for keeping: several times as fast as `encode`, but not canonical."""
    return _adapter(Run).dump_json(run).decode()


def decode_event(kind: str, body: str) -> Event:
    """Read an event.  Raises `CodecError` for a kind that this version does not know."""
    event: Event = _decode(EVENTS, kind, body)
    return event


def decode_command(kind: str, body: str) -> Command:
    """Read a command.  Raises `CodecError` for a kind that this version does not know."""
    command: Command = _decode(COMMANDS, kind, body)
    return command


def _decode(kinds: Mapping[str, type[Any]], kind: str, body: str) -> Any:
    if kind not in kinds:
        raise CodecError(f"{kind} is not known: this journal was written by a newer Backout")
    return _read(kinds[kind], body)


def _read(kind: type[Any], body: str) -> Any:
    try:
        return _adapter(kind).validate_json(body)
    except ValueError:  # its words would repeat what people wrote
        raise CodecError(f"{kind.__name__} can't be read: {DAMAGED}") from None


def decode_actor(body: str) -> Actor:
    """Read an actor.  Raises `CodecError` for a damaged one."""
    actor: Actor = _read(Actor, body)
    return actor


def recorded(row: Mapping[str, Any]) -> Recorded:
    """Read an event as a journal stores it.  Raises as `decode_event` does."""
    return Recorded(
        seq=row["seq"],
        at=datetime.fromisoformat(row["at"]),
        actor=decode_actor(row["actor"]),
        event=decode_event(row["kind"], row["body"]),
    )


def decode_run(body: str) -> Run:
    """Read a snapshot, bringing an old one up to date.

    Raises `CodecError` for one of a newer version.
    """
    try:
        plain = json.loads(body)
        version = int(plain.get("version", 0))
    except (AttributeError, RecursionError, TypeError, ValueError):
        raise CodecError(f"a snapshot can't be read: {DAMAGED}") from None
    if version > VERSION:
        raise CodecError(
            f"the snapshot has version {version}, this Backout reads up to {VERSION}: "
            "start the newer one again"
        )
    while version < VERSION:
        if version not in UPGRADES:
            raise CodecError(f"a snapshot of version {version} can't be read: {DAMAGED}")
        plain = UPGRADES[version](plain)
        version = plain["version"]
    try:
        run: Run = _adapter(Run).validate_python(plain, strict=False)
    except ValueError:
        raise CodecError(f"a snapshot can't be read: {DAMAGED}") from None
    return run
