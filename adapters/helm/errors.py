"""Helm's complaints as the three kinds of action errors.

Called by `commands` and `rollback`.  Helm has exit status 1 for everything, so they are told
apart by its words, all in this table.
"""

import re

from adapters.values import redact
from flows.actions import ActionError, PermanentError, TransientError, UnknownOutcomeError

NOT_FOUND = re.compile(r"release: not found")
NO_REVISION = re.compile(r"release has no (?:revision )?[\"']?(\d+)|revision[^\n]*not found")
BUSY = re.compile(
    r"another operation \(install/upgrade/rollback\) is in progress"
    r"|\"sh\.helm\.release\.[^\"]*\" already exists"
)
UNREACHABLE = re.compile(
    r"cluster unreachable|connection refused|no such host|i/o timeout|TLS handshake timeout"
    r"|connection reset|\bEOF\b"
)
UNWELL = re.compile(
    r"Internal error occurred|unable to (?:handle the request|return a response)"
    r"|too many requests|etcdserver: |Operation cannot be fulfilled",
    re.IGNORECASE,
)
NO_CONTEXT = re.compile(r"context \"?[^\"\n]*\"? does not exist|context was not found")
FORBIDDEN = re.compile(
    r"cannot (?P<verb>\w+) resource \"(?P<resource>[^\"]+)\" in API group \"(?P<group>[^\"]*)\""
    r"(?: in the namespace \"(?P<namespace>[^\"]+)\")?"
)
TIMED_OUT = re.compile(r"timed out waiting|context deadline exceeded|client rate limiter")
UNAUTHORIZED = re.compile(r"\bUnauthorized\b|asked for the client to provide credentials")


def missing_binary(command: str) -> PermanentError:
    """Say that Helm is not there."""
    return PermanentError(
        f'helm is not installed or not on PATH: "{command}" was not found. Install Helm 3 where '
        "Backout runs, or set BACKOUT_HELM to its path."
    )


def gone(release: str, revision: int, left: str) -> PermanentError:
    """Say that a revision is no longer kept."""
    return PermanentError(
        f"Revision {revision} of {release} is gone: Helm keeps {left or 'no revision'}. Plan again "
        "with one of those."
    )


def from_output(release: str, said: str, *, writes: bool) -> ActionError:
    """Turn what Helm wrote when it failed into an error."""
    text = shortened(said)
    if NOT_FOUND.search(said):
        return PermanentError(
            f'There is no Helm release "{release}" in this namespace: compare `helm list` with the '
            "procedure's input."
        )
    if found := NO_REVISION.search(said):
        return gone(release, int(found[1] or 0), "other revisions")
    if BUSY.search(said):
        return TransientError(
            f"Another Helm operation on {release} is at work; waiting for it to end.", delay=5.0
        )
    if NO_CONTEXT.search(said):
        return PermanentError(f"Helm does not find the cluster's context in the kubeconfig: {text}")
    if found := FORBIDDEN.search(said):
        return _forbidden(found)
    if UNAUTHORIZED.search(said):
        return PermanentError("The cluster does not accept the credentials that Helm uses.")
    if TIMED_OUT.search(said):
        told = f"Helm stopped waiting for {release}: {text}"
        return UnknownOutcomeError(told) if writes else TransientError(told)
    if UNREACHABLE.search(said):
        return TransientError(f"The cluster is not there for Helm: {text}", delay=2.0)
    if UNWELL.search(said):
        return TransientError(f"The cluster is not well: {text}", delay=2.0)
    # A write that failed half-way is a known outcome: `verify` reads it from the history.
    return PermanentError(f"Helm refused: {text}")


def shortened(said: str) -> str:
    """Return the end of what Helm wrote, without credentials."""
    return redact(said)[-400:] or "it said nothing"


def _forbidden(found: re.Match[str]) -> PermanentError:
    where = f" in namespace {found['namespace']}" if found["namespace"] else ""
    group = found["group"]
    named = f"{found['resource']}.{group}" if group else found["resource"]
    return PermanentError(
        f"The cluster does not let Helm {found['verb']} {named}{where}. Add to its Role: "
        f'{{apiGroups: ["{group}"], resources: ["{found["resource"]}"], '
        f'verbs: ["{found["verb"]}"]}}'
    )
