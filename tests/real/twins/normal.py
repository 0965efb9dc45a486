"""What may differ between two clusters that hold the same: the whole list, as code.

Everything else is compared as it is.  `Names` learns the names that each cluster made up.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

Json = Any

# Text that is each cluster's own, wherever it stands.
PATTERNS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+]00:00)"), "TIME"),
    (re.compile(r"containerd://[0-9a-f]{64}"), "CONTAINER"),
    (re.compile(r"\b(?:10|127)\.\d+\.\d+\.\d+\b"), "ADDRESS"),
    (re.compile(r"\b(?:bench-\d|ip-10-0-\d-\d+)\b"), "NODE"),
    (re.compile(r"(?<=resourceVersion=)\d+"), "VERSION"),
    (re.compile(r"RBAC: allowed by .*"), "ALLOWED"),
    (re.compile(r'User "[a-z0-9:-]+"'), "User WHO"),
    # A refused patch shows the whole object that it would have made, as one text.
    (re.compile(r'(?<=Invalid value: )"\{.*\}"'), "OBJECT"),
    (re.compile(r"(?<=kube-api-access-)[a-z0-9]{5}\b"), "SUFFIX"),
    (
        re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----|^sandbox$"),
        "AUTHORITY",
    ),
    # What the bench's pods behave by, and those of the simulation.
    (re.compile(r"\b(?:bench|sandbox)/(?=[a-z-]+)"), "BEHAVIOUR/"),
)
# Lists whose order says nothing: by time of writing, or by names that are made up.
UNORDERED = ("items", "managedFields", "conditions", "endpoints", "addresses")
# Who keeps the pods' status: the bench's stand-in of a kubelet, and the simulation's. Neither is
# the API server's word, so that of a pod's status only that is compared which actions judge by.
NODE_MANAGERS = ("Python-aiohttp", "Python", "kubelet")
STATES = ("name", "image", "imageID", "ready", "restartCount")
# Tells when an endpoint changed, as long as its controller remembers.
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
# Custom kinds: who owns an object inside of them hangs on the schema, of which the bench's
# definitions give less than Istio's and KEDA's own.
OPEN = ("networking.istio.io/v1", "networking.istio.io/v1beta1", "keda.sh/v1alpha1")


class Names:
    """The names that one cluster made up, and what to call them instead."""

    def __init__(self, namespace: str) -> None:
        self._known = {namespace: "NAMESPACE"}

    def learn(self, found: Json) -> None:
        """Learn the names in an answer: of pods, and the hashes of templates."""
        if isinstance(found, list):
            for each in found:
                self.learn(each)
        if not isinstance(found, dict):
            return
        if isinstance(found.get("metadata"), dict):
            self._learn_one(found, found["metadata"])
        for each in found.values():
            self.learn(each)

    def _learn_one(self, found: Json, meta: Json) -> None:
        name, prefix = meta.get("name", ""), meta.get("generateName")
        if prefix and name.startswith(prefix):
            self._known[name.removeprefix(prefix)] = "SUFFIX"
        labels = meta.get("labels") or {}
        template = (found.get("spec") or {}).get("template")
        if "pod-template-hash" in labels and template:
            self._known[labels["pod-template-hash"]] = _digest(template)
        if "revision" in found and "data" in found:
            self._known[name.rpartition("-")[2]] = _digest(found["data"])

    def plain(self, found: Json) -> Json:
        """Return JSON without what is the cluster's own."""
        if isinstance(found, str):
            return self._text(found)
        if isinstance(found, list):
            return [self.plain(each) for each in found]
        if not isinstance(found, dict):
            return found
        made = {self._text(key): self.plain(value) for key, value in found.items()}
        for rule in RULES:
            made = rule(made)
        return made

    def _text(self, text: str) -> str:
        for pattern, stands_for in PATTERNS:
            text = pattern.sub(stands_for, text)
        for name in sorted(self._known, key=len, reverse=True):
            text = re.sub(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", self._known[name], text)
        return text


def without_progress(found: Json) -> Json:
    """Return an object without what controllers write into it while it changes."""
    if not isinstance(found, dict) or "metadata" not in found:
        return found
    meta = {key: value for key, value in found["metadata"].items() if key != "annotations"}
    if notes := found["metadata"].get("annotations"):
        meta["annotations"] = {
            key: value for key, value in notes.items() if "kubernetes.io/revision" not in key
        }
    meta["managedFields"] = [
        each
        for each in meta.get("managedFields") or ()
        if each.get("manager") != "kube-controller-manager"
    ]
    return {key: value for key, value in found.items() if key != "status"} | {"metadata": meta}


def differences(real: Json, simulated: Json, place: str = "") -> list[str]:
    """Return where two JSON values differ: `.spec.replicas: 2, simulated 3`."""
    if isinstance(real, dict) and isinstance(simulated, dict):
        found = []
        for key in sorted(real.keys() | simulated.keys()):
            if key not in real or key not in simulated:
                side = "real" if key in real else "simulated"
                found.append(f"{place}.{key}: only {side}: {(real | simulated)[key]!r}")
            else:
                found += differences(real[key], simulated[key], f"{place}.{key}")
        return found
    if isinstance(real, list) and isinstance(simulated, list) and len(real) == len(simulated):
        return [
            line
            for at, pair in enumerate(zip(real, simulated, strict=True))
            for line in differences(*pair, f"{place}[{at}]")
        ]
    return [] if real == simulated else [f"{place}: {real!r}, simulated {simulated!r}"]


def _digest(template: Json) -> str:
    meta = template.get("metadata") or {}
    labels = {
        key: value
        for key, value in (meta.get("labels") or {}).items()
        if key != "pod-template-hash"
    }
    plain = Names("").plain({**template, "metadata": {**meta, "labels": labels}})
    return f"HASH{hashlib.sha256(_sorted_json(plain).encode()).hexdigest()[:6]}"


def _without_versions(made: Json) -> Json:
    if made.get("resourceVersion"):
        return {**made, "resourceVersion": "VERSION"}
    if str(made.get("path", "")).endswith("/resourceVersion"):  # an operation of a JSON patch
        return {**made, "value": "VERSION"}
    return made


def _without_trigger(made: Json) -> Json:
    for name in ("annotations", "f:annotations"):
        if isinstance(made.get(name), dict):
            left = {key: each for key, each in made[name].items() if not key.endswith(TRIGGER)}
            made = {key: each for key, each in made.items() if key != name}
            made |= {name: left} if left.keys() - {"."} else {}
    return made


def _without_steps(owned: Json) -> Json:
    """Leave out how often a controller changed an object of its own until all was as it is."""
    if "ownerReferences" not in owned.get("metadata", {}):
        return owned
    meta = {key: value for key, value in owned["metadata"].items() if key != "generation"}
    made = {**owned, "metadata": meta}
    if "status" in made:
        made["status"] = {
            key: value for key, value in made["status"].items() if key != "observedGeneration"
        }
    return made


def _judged(pod: Json) -> Json:
    """Return a pod with that of its status which actions judge by; anything else as it is."""
    if "containers" not in (pod.get("spec") or {}) or "status" not in pod:
        return pod
    meta, status = dict(pod["metadata"]), pod["status"]
    meta["managedFields"] = [
        each for each in meta.get("managedFields") or () if each["manager"] not in NODE_MANAGERS
    ]
    states = [
        {**{name: each.get(name) for name in STATES}, "state": sorted(each["state"])}
        for each in status.get("containerStatuses") or ()
    ]
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    judged = {"phase": status["phase"], "conditions": conditions, "containerStatuses": states}
    return {**pod, "metadata": meta, "status": judged}


def _without_own_entries(made: Json) -> Json:
    if made.get("apiVersion") not in OPEN or "metadata" not in made:
        return made
    return {**made, "metadata": _undotted(made["metadata"])}


def _undotted(value: Json) -> Json:
    if isinstance(value, list):
        return [_undotted(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _undotted(each) for key, each in value.items() if key != "."}


def _said_once(made: Json) -> Json:
    """Leave out a cause that is there already: the server runs some checks two or three times."""
    if not isinstance(made.get("causes"), list):
        return made
    once = {_sorted_json(each): each for each in made["causes"]}
    return {**made, "causes": list(once.values())}


def _in_order(made: Json) -> Json:
    return {
        key: sorted(each, key=_sorted_json) if key in UNORDERED and isinstance(each, list) else each
        for key, each in made.items()
    }


def _sorted_json(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


RULES = (
    _without_versions,
    _without_own_entries,
    _without_trigger,
    _without_steps,
    _judged,
    _said_once,
    _in_order,
)
