"""Moves of workloads between kept templates: planned, tried, recorded, made and put back.

Called by `kubernetes.rollout_undo`.  Templates may hold secrets, so a record names them by their
hashes; their content stays in the cluster.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import (
    json_patches,
    readiness,
    rollout_targets,
    template_changes,
    templates,
    workloads,
)
from adapters.kubernetes.cluster import Cluster, Patch
from adapters.kubernetes.errors import ChangedError
from adapters.kubernetes.rollout_targets import Target
from adapters.kubernetes.templates import History, Template
from adapters.kubernetes.workloads import Workload
from adapters.values import count, fingerprint_of, listed, step_key
from flows.actions import Change, Context, JsonObject, PermanentError, TransientError

PATH = ("spec", "template")
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A workload as it was read, and the template that it is to have.

    `to` is how the template was asked for.
    """

    workload: Workload
    found: Object
    history: History
    target: Template
    to: str

    @property
    def is_made(self) -> bool:
        """Say whether the workload has the template, restarts aside."""
        return self.history.has(self.target)

    @property
    def hash(self) -> str:
        """Return the hash by which the pods that are wanted are known."""
        running = self.history.running
        return running.hash if running and self.is_made else self.target.hash

    def relied_on(self) -> JsonObject:
        """Return what would be overwritten, and by what."""
        present = fingerprint_of(templates.content(self.history.present))
        return {"present": present, "target": self.target.hash}

    def changes(self) -> tuple[Change, ...]:
        """Say what differs, the templates' names first."""
        if self.is_made:
            return ()
        subject, now = str(self.workload), self.history.now
        head = Change(subject=subject, before=f"template {now}", after=f"template {self.target}")
        present, wanted = self.history.present, self.target.body
        return (head, *template_changes.changes(subject, present, wanted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was captured of one workload: the hashes of what it had, and of what it is to have."""

    workload: Workload
    before: str
    target: str
    to: str

    def reversed(self) -> "Record":
        """Return the way back."""
        before, target = self.target, self.before
        return Record(workload=self.workload, before=before, target=target, to=self.to)


def record(moves: Iterable[Move]) -> JsonObject:
    """Return the capture; raise `TransientError` while a template is too new to have a name."""
    found: list[JsonObject] = []
    for each in moves:
        running = each.history.running
        if running is None:
            raise TransientError(
                f"The controller of {each.workload} has not kept its newest template yet; "
                "looking again."
            )
        workload = {"kind": each.workload.kind, "name": each.workload.name}
        way = {"before": running.hash, "target": each.target.hash, "to": each.to}
        found.append({**workload, **way})
    return {"workloads": found}


def recorded(captured: JsonObject) -> tuple[Record, ...]:
    """Read a capture back."""
    return tuple(
        Record(
            workload=Workload(kind=str(each["kind"]), name=str(each["name"])),
            before=str(each["before"]),
            target=str(each["target"]),
            to=str(each["to"]),
        )
        for each in captured.get("workloads") or ()
    )


async def plan(
    cluster: Cluster, targets: Iterable[Target], context: Context, captured: JsonObject
) -> tuple[Move, ...]:
    """Read the workloads and resolve their targets; what was resolved before stays.

    An earlier attempt of the same step pinned what a revision, images or a time meant: the rollout
    that it began may have given them another meaning.
    """
    own = captured or context.captured(step_key(context.key).rpartition("/")[2]) or {}
    pinned = {(each.workload, each.to): each.target for each in recorded(own)}
    asked = {rollout_targets.workload_of(each): each.to for each in targets}
    found = await workloads.fetch(cluster, asked)
    histories = await templates.read(cluster, found)
    moves: list[Move] = []
    for workload, to in asked.items():
        name, history = pinned.get((workload, str(to))), histories[workload]
        target = history.find(name) if name else rollout_targets.find(history, to)
        moves.append(
            Move(
                workload=workload,
                found=found[workload],
                history=history,
                target=target,
                to=str(to),
            )
        )
    return tuple(moves)


async def make(cluster: Cluster, records: Iterable[Record]) -> None:
    """Write the templates that are not there yet, in order; nothing is sent for the others.

    Raises `ChangedError` before the first write where one is neither what it was nor what it is
    to be, and names what was written already where a later one fails.
    """
    every = tuple(records)
    histories = await _histories(cluster, every)
    if foreign := [each for each in every if _is_foreign(each, histories[each.workload])]:
        raise _changed(foreign, histories)
    done: list[str] = []
    for each in every:
        history = histories[each.workload]
        target = history.find(each.target)
        if history.has(target):
            continue
        try:
            await _write(cluster, history, target)
        except PermanentError as error:
            raise _in_the_middle(error, done) from error
        done.append(str(each.workload))


def _in_the_middle(error: PermanentError, done: list[str]) -> PermanentError:
    if not done:
        return error
    what = str(error).removesuffix(".")
    return PermanentError(f"{what}. Before it, {listed(done)} was changed; a retry does the rest.")


async def attempt(cluster: Cluster, move: Move) -> None:
    """Try one write without effect."""
    if not move.is_made:
        await _write(cluster, move.history, move.target, dry_run=True)


async def put_back(cluster: Cluster, records: Iterable[Record]) -> str:
    """Write what was captured, look, and return what was seen.

    What somebody else changed since stays; the others are put back before `ChangedError` tells.
    """
    every = tuple(each.reversed() for each in records)
    histories = await _histories(cluster, every)
    foreign = [each for each in every if _is_foreign(each, histories[each.workload])]
    ours = [each for each in every if each not in foreign]
    await make(cluster, ours)
    told = await _told(cluster, ours)
    if foreign:
        raise ChangedError(f"{_changed(foreign, histories)} {told}".strip())
    return told


async def _told(cluster: Cluster, records: list[Record]) -> str:
    found = await workloads.fetch(cluster, (each.workload for each in records))
    histories = await templates.read(cluster, found)
    said: list[str] = []
    for each in records:
        rollout = readiness.judge(each.workload.kind, found[each.workload])
        pods = f"{rollout.ready} of {count(rollout.desired, 'pod')} ready so far"
        said.append(f"{each.workload} has template {histories[each.workload].now} again, {pods}")
    return "; ".join(said)


async def _histories(cluster: Cluster, records: Iterable[Record]) -> dict[Workload, History]:
    found = await workloads.fetch(cluster, (each.workload for each in records))
    return await templates.read(cluster, found)


def _is_foreign(each: Record, history: History) -> bool:
    known = [kept for kept in history.kept if kept.hash in (each.before, each.target)]
    return not any(history.has(template) for template in known)


def _changed(foreign: Iterable[Record], histories: dict[Workload, History]) -> ChangedError:
    told = listed(
        f"{each.workload} has template {histories[each.workload].now}, "
        f"which is neither {each.before} nor {each.target}"
        for each in foreign
    )
    return ChangedError(f"{told}: somebody changed it. See who, then make a new plan.")


async def _write(
    cluster: Cluster, history: History, target: Template, *, dry_run: bool = False
) -> None:
    body = [
        json_patches.test(PATH, history.present),
        json_patches.replace(PATH, templates.plain(target.body)),
    ]
    workload = history.workload
    await cluster.patch(workload.resource, workload.name, body, kind=Patch.JSON, dry_run=dry_run)
