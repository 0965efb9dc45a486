"""Who may do what in the simulated cluster: one token, and rules that take rights away.

Tests and the page add rules (`Denial`); the API server asks before every call, and answers
SelfSubjectAccessReviews with the same function.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.estate.routing import Call
from sandbox.estate.statuses import forbidden
from sandbox.estate.values import Object

TOKEN = "sandbox-kubernetes"  # noqa: S105  # opens nothing but the sandbox
USER = "system:serviceaccount:backout:backout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A right that the bot's account lacks; `*` stands for all."""

    verb: str = "*"
    resource: str = "*"
    namespace: str = "*"
    name: str = "*"

    def covers(self, verb: str, resource: str, namespace: str, name: str) -> bool:
        """Tell whether the rule forbids this."""
        asked = (verb, resource, namespace, name)
        rule = (self.verb, self.resource, self.namespace, self.name)
        return all(wanted in ("*", value) for wanted, value in zip(rule, asked, strict=True))


class Access:
    """The rules that hold now."""

    def __init__(self) -> None:
        self._denials: list[Denial] = []

    def deny(self, denial: Denial) -> None:
        """Take a right away."""
        self._denials.append(denial)

    def reset(self) -> None:
        """Give all rights back."""
        self._denials.clear()

    def allowed(self, verb: str, resource: str, namespace: str, name: str) -> bool:
        """Tell whether the account may do this; `resource` may be `deployments/scale`."""
        return not any(rule.covers(verb, resource, namespace, name) for rule in self._denials)

    def check(self, call: Call) -> None:
        """Refuse a call that a rule forbids."""
        plural = call.resource.plural + (f"/{call.subresource}" if call.subresource else "")
        if not self.allowed(call.verb, plural, call.namespace, call.name):
            raise forbidden(
                USER,
                call.verb,
                call.resource,
                namespace=call.namespace,
                name=call.name,
                subresource=call.subresource,
            )

    def review(self, review: Object) -> Object:
        """Answer a SelfSubjectAccessReview."""
        asked = (review.get("spec") or {}).get("resourceAttributes") or {}
        plural = asked.get("resource", "*")
        if asked.get("subresource"):
            plural += f"/{asked['subresource']}"
        allowed = self.allowed(
            asked.get("verb", "*"), plural, asked.get("namespace", ""), asked.get("name", "")
        )
        status: Object = {"allowed": allowed}
        if allowed:
            status["reason"] = 'RBAC: allowed by RoleBinding "backout/production"'
        return {
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": review.get("spec") or {},
            "status": status,
        }
