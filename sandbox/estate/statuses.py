"""The API server's refusals, as `Status` objects with the real server's wording.

Raised by every part of the Kubernetes subset; `kubernetes` turns one into the HTTP answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.estate.resources import Resource
from sandbox.estate.values import Object


class ApiStatusError(Exception):
    """A refusal that the client gets as a `Status` body."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def body(self) -> Object:
        """Return the `Status` object."""
        body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return body | {"code": self.code}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong with an object."""

    field: str
    problem: str
    reason: str = "FieldValueInvalid"

    def told(self) -> str:
        """Return the cause as the message lists it."""
        return f"{self.field}: {self.problem}"

    def detail(self) -> Object:
        """Return the cause as `details` lists it."""
        return {"reason": self.reason, "message": self.problem, "field": self.field}


def _details(resource: Resource, name: str) -> Object:
    details: Object = {"name": name, "kind": resource.plural} if name else {"kind": resource.plural}
    return details | ({"group": resource.group} if resource.group else {})


def not_found(resource: Resource, name: str) -> ApiStatusError:
    """Say that there is no such object."""
    message = f'{resource.qualified} "{name}" not found'
    return ApiStatusError(404, "NotFound", message, _details(resource, name))


def no_such_resource() -> ApiStatusError:
    """Say that the server serves no such kind, version or subresource."""
    message = "the server could not find the requested resource"
    return ApiStatusError(404, "NotFound", message, {})


def already_exists(resource: Resource, name: str) -> ApiStatusError:
    """Say that the name is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return ApiStatusError(409, "AlreadyExists", message, _details(resource, name))


def conflict(
    resource: Resource, name: str, why: str = "", *, kind: str | None = None
) -> ApiStatusError:
    """Say that the object is not the one that the caller has seen."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try "
        "again"
    )
    message = f'Operation cannot be fulfilled on {kind or resource.qualified} "{name}": {why}'
    details = {"name": name, "kind": kind} if kind else _details(resource, name)
    return ApiStatusError(409, "Conflict", message, details)


def apply_conflict(message: str, causes: list[Cause]) -> ApiStatusError:
    """Say that other managers own fields that an apply would change."""
    return ApiStatusError(
        409, "Conflict", message, {"causes": [cause.detail() for cause in causes]}
    )


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> ApiStatusError:
    """Say which fields of an object are wrong."""
    return invalid_kind(resource.qualified_kind, name, causes)


def invalid_kind(qualified: str, name: str, causes: Sequence[Cause]) -> ApiStatusError:
    """Say which fields are wrong, of a kind with its group: `Deployment.apps`."""
    told = list(dict.fromkeys(cause.told() for cause in causes))
    listed = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    kind, _, group = qualified.partition(".")
    details: Object = {"name": name} if name else {}
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    details["causes"] = [cause.detail() for cause in causes]
    return ApiStatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {listed}', details)


def bad_request(message: str) -> ApiStatusError:
    """Say that the request can't be read."""
    return ApiStatusError(400, "BadRequest", message)


def patch_failed() -> ApiStatusError:
    """Say that a JSON patch doesn't apply (a `test` that is false, a path that isn't there)."""
    message = "the server rejected our request due to an error in our request"
    return ApiStatusError(422, "Invalid", message, {})


def unexpected(message: str) -> ApiStatusError:
    """Say what the real server answers with a bare 500."""
    return ApiStatusError(500, "", message)


def unsupported_media_type() -> ApiStatusError:
    """Say that a body of this type isn't understood."""
    return ApiStatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def method_not_allowed() -> ApiStatusError:
    """Say that the verb isn't served for this resource."""
    message = "the server does not allow this method on the requested resource"
    return ApiStatusError(405, "MethodNotAllowed", message, {})


def unauthorized() -> ApiStatusError:
    """Say that the token is missing or unknown."""
    return ApiStatusError(401, "Unauthorized", "Unauthorized")


def gone(version: int) -> ApiStatusError:
    """Say that a watch can't start that far back."""
    return ApiStatusError(410, "Expired", f"too old resource version: {version}")


def forbidden(
    user: str, verb: str, resource: Resource, *, namespace: str, name: str, subresource: str = ""
) -> ApiStatusError:
    """Say which right is missing, as RBAC does."""
    what = f'{resource.qualified} "{name}"' if name else resource.qualified
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    message = (
        f'{what} is forbidden: User "{user}" cannot {verb} resource "{plural}" '
        f'in API group "{resource.group}"{where}'
    )
    return ApiStatusError(403, "Forbidden", message, _details(resource, name))
