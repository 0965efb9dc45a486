"""Who may do what in the simulated cluster: one token, and rules that take rights away.

Tests and the page add rules (`Denial`); the API server asks before every call, and answers
SelfSubjectAccessReviews with the same function.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.estate.objects.comparing import blank
from sandbox.estate.objects.decoding import decode
from sandbox.estate.objects.ownership import updated, writer, written
from sandbox.estate.objects.shapes import shape_of
from sandbox.estate.resources import ACCESS_REVIEWS
from sandbox.estate.routing import Call
from sandbox.estate.statuses import Cause, forbidden, invalid_kind
from sandbox.estate.values import Object

TOKEN = "sandbox-kubernetes"  # noqa: S105  # opens nothing but the sandbox
USER = "system:serviceaccount:backout:backout"
_REASON = (
    'RBAC: allowed by RoleBinding "backout/production" of Role "backout" to ServiceAccount '
    '"backout/backout"'
)


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
        if not self.allowed(call.verb, call.target, call.namespace, call.name):
            raise forbidden(
                USER,
                call.verb,
                call.resource,
                namespace=call.namespace,
                name=call.name,
                subresource=call.subresource,
            )

    def review(self, review: Object, manager: str) -> Object:
        """Answer a SelfSubjectAccessReview."""
        shape = shape_of(ACCESS_REVIEWS)
        review = decode(review, shape).object
        spec = review["spec"]
        asked = spec.get("resourceAttributes")
        if asked is None:
            problem = (
                "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes "
                "must be specified"
            )
            raise invalid_kind(
                f".{ACCESS_REVIEWS.group}",
                "",
                [Cause(field="spec.resourceAttributes", problem=problem)],
            )
        plural = asked.get("resource", "*")
        if asked.get("subresource"):
            plural += f"/{asked['subresource']}"
        allowed = self.allowed(
            asked.get("verb", "*"), plural, asked.get("namespace", ""), asked.get("name", "")
        )
        status: Object = {"allowed": allowed}
        if allowed:
            status["reason"] = _REASON
        by = writer(manager, ACCESS_REVIEWS.api_version, ignores=("f:status",))
        claims = updated(blank(shape) | {"metadata": {}}, review, shape, {}, by)
        return {
            "kind": ACCESS_REVIEWS.kind,
            "apiVersion": ACCESS_REVIEWS.api_version,
            "metadata": {"managedFields": written(claims)},
            "spec": spec,
            "status": status,
        }
