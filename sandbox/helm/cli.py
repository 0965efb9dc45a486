"""The simulated `helm` command: reads its arguments, answers on stdout as Helm 3 does."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

from sandbox.helm import records, rollback
from sandbox.helm.cluster import Cluster, HelmError
from sandbox.helm.flags import UsageError, Value, duration, integer, parse

VERSION = "v3.17.3"
COMMIT = "e4da49785aa6e6ee2b86efd5dd9e43400318262b"
GO = "go1.23.7"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_Command = Callable[[list[str]], None]


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    try:
        _command(arguments)
    except (HelmError, UsageError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


def _command(arguments: list[str]) -> None:
    first, rest = _split(arguments)
    commands: dict[str, _Command] = {
        "history": _history,
        "hist": _history,
        "status": _status,
        "get": _get,
        "rollback": _rollback,
        "version": _version,
        "help": _help,
    }
    if first not in commands:
        raise UsageError(f'unknown command "{first}" for "helm"\nRun \'helm --help\' for usage.')
    commands[first](rest)


def _split(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the command's name and the other words, also when flags stand before it."""
    takes_value = {"--namespace", "-n", "--kubeconfig", "--kube-context"}
    for at, word in enumerate(arguments):
        if not word.startswith("-") and (at == 0 or arguments[at - 1] not in takes_value):
            return word, arguments[:at] + arguments[at + 1 :]
    return "help", []


def _history(arguments: list[str]) -> None:
    names, flags = parse(arguments, {"output": "table", "max": "256"})
    _exactly(names, 1, "history")
    cluster, namespace = _connect(flags)
    most = integer("max", str(flags["max"]))
    found = _found(cluster, names[0], namespace)
    rows = [_history_row(release) for release in found[max(0, len(found) - most) :]]
    if flags["output"] == "json":
        _say(records.go_json(rows))
        return
    _supported(flags)
    titles = ("REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION")
    table = [titles, *(_table_line(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(titles))]
    for line in table:
        _say("\t".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))


def _history_row(release: records.Release) -> dict[str, object]:
    chart = release["chart"]["metadata"]
    return {
        "revision": release["version"],
        "updated": release["info"]["last_deployed"],
        "status": release["info"]["status"],
        "chart": f"{chart['name']}-{chart['version']}",
        "app_version": chart["appVersion"],
        "description": release["info"]["description"],
    }


def _table_line(row: dict[str, object]) -> tuple[str, ...]:
    shown = {**row, "updated": records.ansi_time(str(row["updated"]))}
    return tuple(str(value) for value in shown.values())


def _status(arguments: list[str]) -> None:
    names, flags = parse(arguments, {"output": "table", "revision": "0", "show-desc": False})
    _exactly(names, 1, "status")
    cluster, namespace = _connect(flags)
    release = _one(cluster, names[0], namespace, integer("revision", str(flags["revision"])))
    if flags["output"] == "json":
        _say(records.go_json({key: value for key, value in release.items() if key != "chart"}))
        return
    _supported(flags)
    info = release["info"]
    _say(f"NAME: {release['name']}\nLAST DEPLOYED: {records.ansi_time(info['last_deployed'])}")
    _say(f"NAMESPACE: {release['namespace']}\nSTATUS: {info['status']}")
    _say(f"REVISION: {release['version']}")
    if flags["show-desc"]:
        _say(f"DESCRIPTION: {info['description']}")
    _say(f"TEST SUITE: None\nNOTES:\n{info['notes'].strip()}")


def _get(arguments: list[str]) -> None:
    known: dict[str, Value] = {"revision": "0", "output": "table", "all": False}
    names, flags = parse(arguments, known)
    what = names.pop(0) if names else ""
    if what not in ("hooks", "manifest", "values"):
        raise UsageError(f'"helm get" needs hooks, manifest or values in the sandbox, not "{what}"')
    _exactly(names, 1, f"get {what}")
    cluster, namespace = _connect(flags)
    release = _one(cluster, names[0], namespace, integer("revision", str(flags["revision"])))
    if what == "hooks":
        return  # the sandbox's chart has none
    if what == "manifest":
        _say(release["manifest"])
    elif flags["output"] == "json":
        _say(records.go_json(release["config"]))
    else:
        from sandbox.helm.yaml_subset import dump

        title = "COMPUTED VALUES:" if flags["all"] else "USER-SUPPLIED VALUES:"
        _say((f"{title}\n" if flags["output"] == "table" else "") + dump(release["config"]), end="")


def _rollback(arguments: list[str]) -> None:
    known: dict[str, Value] = {
        "wait": False,
        "wait-for-jobs": False,
        "timeout": "5m0s",
        "cleanup-on-fail": False,
        "force": False,
        "no-hooks": False,
        "recreate-pods": False,
        "dry-run": False,
        "history-max": os.environ.get("HELM_MAX_HISTORY", "10"),
    }
    names, flags = parse(arguments, known)
    if not names:
        raise UsageError('"helm rollback" requires at least 1 argument')
    try:
        revision = int(names[1]) if len(names) > 1 else 0
    except ValueError:
        raise UsageError(
            f"could not convert revision to a number: strconv.Atoi: parsing "
            f'"{names[1]}": invalid syntax'
        ) from None
    if not _NAME.fullmatch(names[0]):
        raise HelmError(f"prepareRollback: Release name is invalid: {names[0]}")
    options = rollback.Options(
        revision=revision,
        wait=bool(flags["wait"]),
        timeout=duration("timeout", str(flags["timeout"])),
        dry_run=bool(flags["dry-run"]),
        history_max=integer("history-max", str(flags["history-max"])),
    )
    cluster, namespace = _connect(flags)
    rollback.run(cluster, names[0], namespace, options)
    _say("Rollback was a success! Happy Helming!")


def _version(arguments: list[str]) -> None:
    _, flags = parse(arguments, {"short": False, "template": "", "client": True})
    facts = {"Version": VERSION, "GitCommit": COMMIT, "GitTreeState": "clean", "GoVersion": GO}
    template = str(flags["template"])
    if template:
        _say(re.sub(r"\{\{\s*\.(\w+)\s*\}\}", lambda m: facts.get(m[1], ""), template), end="")
    elif flags["short"]:
        _say(f"{VERSION}+g{COMMIT[:7]}")
    else:
        fields = ", ".join(f'{key}:"{value}"' for key, value in facts.items())
        _say(f"version.BuildInfo{{{fields}}}")


def _help(_: list[str]) -> None:
    commands = "get hooks|manifest|values, history, rollback, status, version"
    _say(f"The sandbox's Helm. Commands: {commands}")


def _connect(flags: dict[str, Value]) -> tuple[Cluster, str]:
    context = str(flags["kube-context"])
    cluster = Cluster(kubeconfig=str(flags["kubeconfig"]), context=context)
    chosen = str(flags["namespace"]) or os.environ.get("HELM_NAMESPACE", "")
    cluster.check_reachable()
    return cluster, chosen or cluster.namespace


def _found(cluster: Cluster, name: str, namespace: str) -> list[records.Release]:
    found = cluster.releases(name, namespace)
    if not found:
        raise HelmError("release: not found")
    return found


def _one(cluster: Cluster, name: str, namespace: str, revision: int) -> records.Release:
    found = _found(cluster, name, namespace)
    if not revision:
        return found[-1]
    chosen = next((release for release in found if release["version"] == revision), None)
    if chosen is None:
        raise HelmError("release: not found")
    return chosen


def _exactly(names: list[str], count: int, command: str) -> None:
    if len(names) != count:
        plural = "argument" if count == 1 else "arguments"
        raise UsageError(
            f'"helm {command}" requires {count} {plural}\n\nUsage:  helm {command} RELEASE_NAME'
        )


def _supported(flags: dict[str, Value]) -> None:
    if flags["output"] not in ("table", "json"):
        raise UsageError(
            f'invalid argument "{flags["output"]}" for "-o, --output" flag: invalid format type'
        )
