"""What is remembered of templates: a ReplicaSet's annotations, and ControllerRevisions.

Called by the controllers of Deployments, StatefulSets and DaemonSets.
"""

from __future__ import annotations

from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.rollouts import limits
from sandbox.estate.controllers.templates import REVISION, owner, template_hash
from sandbox.estate.resources import CONTROLLER_REVISIONS
from sandbox.estate.values import Object, clone

_PREFIX = "deployment.kubernetes.io/"
_HISTORY = f"{_PREFIX}revision-history"
_DESIRED = f"{_PREFIX}desired-replicas"
_MOST = f"{_PREFIX}max-replicas"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOT_COPIED = (_LAST_APPLIED, REVISION, _HISTORY, _DESIRED, _MOST)
HASH = "controller-revision-hash"


def revision(replicaset: Object) -> int:
    """Return a ReplicaSet's revision number, 0 if it has none yet."""
    return int((replicaset["metadata"].get("annotations") or {}).get(REVISION, 0))


def noted(deployment: Object, replicaset: Object | None, number: int) -> Object:
    """Return the annotations of the ReplicaSet that is current as revision `number`."""
    own = (deployment["metadata"].get("annotations") or {}).items()
    copied = {key: value for key, value in own if key not in _NOT_COPIED}
    if replicaset is None:
        return copied | {REVISION: str(number)} | sizes(deployment)
    found = copied | (replicaset["metadata"].get("annotations") or {})
    before = revision(replicaset)
    if before not in (0, number):
        past = [part for part in found.get(_HISTORY, "").split(",") if part]
        found[_HISTORY] = ",".join([*past, str(before)])
    return found | {REVISION: str(number)}


def sizes(deployment: Object) -> Object:
    """Return the annotations that tell how many pods a Deployment wants, and has at most."""
    wanted = int(deployment["spec"]["replicas"])
    recreate = deployment["spec"]["strategy"]["type"] == "Recreate"
    surge = 0 if recreate or not wanted else limits(deployment).surge
    return {_DESIRED: str(wanted), _MOST: str(wanted + surge)}


def record(author: Author, workload: Object) -> list[Object]:
    """Keep a workload's present template as a ControllerRevision; return all, the oldest first."""
    own = author.store.children(CONTROLLER_REVISIONS, workload)
    past = sorted(own, key=lambda item: int(item["revision"]))
    template = clone(workload["spec"]["template"])
    name = f"{workload['metadata']['name']}-{template_hash(template)}"
    newest = int(past[-1]["revision"]) if past else 0
    found = next((item for item in past if item["metadata"]["name"] == name), None)
    if found is None:
        past.append(author.create(CONTROLLER_REVISIONS, _new(workload, name, newest + 1)))
    elif int(found["revision"]) < newest:
        changed = clone(found) | {"revision": newest + 1}
        past.remove(found)
        past.append(author.update(CONTROLLER_REVISIONS, found, changed))
    return past


def _new(workload: Object, name: str, number: int) -> Object:
    meta = workload["metadata"]
    labels = dict(workload["spec"]["selector"].get("matchLabels") or {})
    template = clone(workload["spec"]["template"]) | {"$patch": "replace"}
    own = dict(meta.get("annotations") or {})
    return {
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": labels | {HASH: name},
            "ownerReferences": [owner(workload)],
        }
        | ({"annotations": own} if own else {}),
        "data": {"spec": {"template": template}},
        "revision": number,
    }
