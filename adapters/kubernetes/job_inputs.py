"""What a Job is to run: the inputs of `run_job`, and the pod that they describe.  Pure."""

import re
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from adapters.kubernetes import jobs, sealing
from adapters.values import redact
from config.models.base import Duration, Model

HARMLESS = re.compile(r"^(?:true|false|yes|no|on|off|\d{1,9}(?:ms|s|m|h)?|)$", re.IGNORECASE)
Word = Annotated[str, Field(max_length=4000)]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Quantity = Annotated[str, Field(pattern=r"^\d+(?:\.\d+)?(?:m|Ki|Mi|Gi|k|M|G)?$")]
LabelKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9_./]*$", max_length=317)]
LabelValue = Annotated[str, Field(pattern=r"^[-A-Za-z0-9_.]*$", max_length=63)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]


class SecretKey(Model):
    """An entry of a Secret of the namespace."""

    secret: ObjectName = Field(description="Name of the Secret.")
    key: str = Field(min_length=1, max_length=253, description="Its entry.")


class RunJobInputs(Model):
    """What is run, and as whom."""

    image: str = Field(
        pattern=r"^[^\s@]+(?:@sha256:[0-9a-f]{64})?$",
        max_length=500,
        description="The image, best by its digest: `shop/migrate@sha256:…`.",
    )
    command: tuple[Word, ...] = Field(
        default=(), description="Program and arguments, word by word; no shell reads them."
    )
    args: tuple[Word, ...] = Field(default=(), description="Arguments of the image's own program.")
    env: dict[Variable, Word | SecretKey] = Field(
        default_factory=dict,
        description="Variables: texts, or `{secret: NAME, key: KEY}`.  Never a secret itself.",
    )
    env_from: tuple[ObjectName, ...] = Field(
        default=(), description="ConfigMaps whose entries are all given as variables."
    )
    secrets_from: tuple[ObjectName, ...] = Field(
        default=(), description="Secrets whose entries are all given as variables."
    )
    service_account: ObjectName | None = Field(
        default=None, description="Whose rights it has in the cluster; without one, none."
    )
    pull_secrets: tuple[ObjectName, ...] = Field(
        default=(), description="Secrets that the image is pulled with."
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        description='Labels of its pod, e.g. `sidecar.istio.io/inject: "false"`.',
    )
    cpu: Quantity | None = Field(default=None, description="CPU that it gets: `500m`.")
    memory: Quantity | None = Field(default=None, description="Memory that it gets: `512Mi`.")
    timeout: Duration = Field(
        default=timedelta(minutes=10),
        ge=timedelta(seconds=1),
        le=timedelta(hours=24),
        description="How long it is meant to take at most.",
    )
    stop_at_timeout: bool = Field(
        default=False,
        description="Have the cluster end it after `timeout`.  Otherwise it is left running, and "
        "told of: what is cut off half-way may be worse.",
    )
    keep_for: Duration | None = Field(
        default=None,
        ge=timedelta(hours=1),
        description="After how long the cluster removes the ended Job; without it, never.  A Job "
        "that is gone is run again by a new plan.",
    )
    loses: str = Field(
        default="", max_length=300, description="What its success destroys, for those who approve."
    )

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        for name, value in self.env.items():
            plain = isinstance(value, str) and not HARMLESS.match(value)
            if plain and sealing.is_secret(name, str(value)):
                raise ValueError(f"env.{name} looks like a secret: give {{secret: …, key: …}}")
        if any(sealing.is_secret("", word) for word in (*self.command, *self.args)):
            raise ValueError("the command holds what looks like a secret: pass it by env")
        return self


def spec_of(inputs: RunJobInputs) -> dict[str, Any]:
    """Return what is run; the same inputs always give the same."""
    container: dict[str, Any] = {
        "name": jobs.CONTAINER,
        "image": inputs.image,
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    sources = [
        *({"configMapRef": {"name": name}} for name in inputs.env_from),
        *({"secretRef": {"name": name}} for name in inputs.secrets_from),
    ]
    size = {"cpu": inputs.cpu, "memory": inputs.memory}
    given = {name: value for name, value in size.items() if value}
    container |= {"command": list(inputs.command)} if inputs.command else {}
    container |= {"args": list(inputs.args)} if inputs.args else {}
    container |= {"env": jobs.variables(inputs.env)} if inputs.env else {}
    container |= {"envFrom": sources} if sources else {}
    container |= {"resources": {"requests": given, "limits": given}} if given else {}
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": inputs.service_account is not None,
        "containers": [container],
    }
    pod |= {"serviceAccountName": inputs.service_account} if inputs.service_account else {}
    pulls = [{"name": name} for name in inputs.pull_secrets]
    pod |= {"imagePullSecrets": pulls} if pulls else {}
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        "template": {"metadata": {"labels": dict(inputs.labels)}, "spec": pod},
    }
    if inputs.stop_at_timeout:
        spec["activeDeadlineSeconds"] = max(round(inputs.timeout.total_seconds()), 1)
    if inputs.keep_for is not None:
        spec["ttlSecondsAfterFinished"] = round(inputs.keep_for.total_seconds())
    return spec


def command_of(inputs: RunJobInputs) -> str:
    """Write what is run on a line, cut to 120 characters."""
    words = " ".join((*inputs.command, *inputs.args))
    return redact(words)[:120] or "the image's own program"
