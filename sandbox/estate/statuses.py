"""The API server's refusals, as `Status` objects with the real server's wording.

Raised by every part of the Kubernetes subset; `api` turns one into the HTTP answer.
"""

from __future__ import annotations

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
        if self.details:
            body["details"] = self.details
        return body | {"code": self.code}


def _details(resource: Resource, name: str) -> Object:
    details: Object = {"name": name, "kind": resource.plural}
    return details | ({"group": resource.group} if resource.group else {})


def not_found(resource: Resource, name: str) -> ApiStatusError:
    """Say that there is no such object."""
    message = f'{resource.qualified} "{name}" not found'
    return ApiStatusError(404, "NotFound", message, _details(resource, name))


def no_such_path() -> ApiStatusError:
    """Say that the server serves nothing under this path."""
    message = "the server could not find the requested resource"
    return ApiStatusError(404, "NotFound", message, {})


def already_exists(resource: Resource, name: str) -> ApiStatusError:
    """Say that the name is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return ApiStatusError(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: Resource, name: str) -> ApiStatusError:
    """Say that the caller's resourceVersion is not the current one."""
    message = (
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again"
    )
    return ApiStatusError(409, "Conflict", message, _details(resource, name))


def invalid(resource: Resource, name: str, field: str, problem: str) -> ApiStatusError:
    """Say which field of an object is wrong."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'{kind} "{name}" is invalid: {field}: {problem}'
    cause = {"reason": "FieldValueInvalid", "message": problem, "field": field}
    details = _details(resource, name) | {"kind": resource.kind, "causes": [cause]}
    return ApiStatusError(422, "Invalid", message, details)


def bad_request(message: str) -> ApiStatusError:
    """Say that the request can't be read."""
    return ApiStatusError(400, "BadRequest", message)


def patch_failed() -> ApiStatusError:
    """Say that a JSON patch doesn't apply (a `test` that is false, a path that isn't there)."""
    message = "the server rejected our request due to an error in our request"
    return ApiStatusError(422, "Invalid", message, {})


def unsupported_patch(content_type: str) -> ApiStatusError:
    """Say which kinds of patch are understood."""
    known = (
        "application/json-patch+json, application/merge-patch+json, "
        "application/strategic-merge-patch+json"
    )
    message = (
        "the body of the request was in an unknown format - "
        f"accepted media types include: {known} (got {content_type or 'none'})"
    )
    return ApiStatusError(415, "UnsupportedMediaType", message, {})


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
    return ApiStatusError(403, "Forbidden", message, _details(resource, name) if name else {})
