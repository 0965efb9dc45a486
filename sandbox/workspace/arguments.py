"""Read the arguments of one Web API call, however the SDK chose to send them.

Slack takes query, form and JSON alike, and structures as JSON text. `api.Api` parses, the
methods read through the typed getters.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from sandbox.workspace.values import Json, SlackError

_TRUE = {"1", "true", "True", True}  # True equals 1


class Arguments:
    """The arguments of one call with getters that refuse what Slack refuses."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def need(self, name: str) -> str:
        """Return a required text argument."""
        value = self.text(name)
        if not value:
            raise SlackError.arguments(f"missing required field: {name}")
        return value

    def text(self, name: str, default: str = "") -> str:
        """Return an optional text argument."""
        value = self.values.get(name)
        return default if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean, which SDKs send as 1, true or a JSON boolean."""
        value = self.values.get(name)
        return default if value is None else value in _TRUE

    def number(self, name: str, default: int, *, lowest: int = 0, highest: int = 1000) -> int:
        """Return an integer within bounds."""
        value = self.values.get(name)
        if value in (None, ""):
            return default
        try:
            found = int(str(value))
        except ValueError:
            raise SlackError.arguments(f"must be an integer: {name}") from None
        if not lowest <= found <= highest:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments")
        return found

    def names(self, name: str) -> list[str]:
        """Return a list that arrives as comma separated text or as a JSON array."""
        value = self.values.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return [str(item) for item in value]
        return [item.strip() for item in str(value).split(",") if item.strip()]

    def structure(self, name: str, *, error: str) -> Any:
        """Return a structure sent as JSON or as JSON text; None when absent or empty."""
        value = self.values.get(name)
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                return json.loads(value)
            except ValueError:
                raise SlackError(error) from None
        return value


async def parse(request: web.Request) -> tuple[Arguments, str | None]:
    """Return the call's arguments and its token, header before argument."""
    values: Json = dict(request.query)
    if request.method == "POST":
        values |= await _body(request)
    given = values.pop("token", None)
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential:
        return Arguments(values), credential.strip()
    return Arguments(values), str(given) if given else None


async def _body(request: web.Request) -> Json:
    if request.content_type == "application/json":
        raw = await request.text()
        if not raw:
            return {}
        try:
            parsed = json.loads(raw)
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(parsed, dict):
            raise SlackError("json_not_object")
        return parsed
    form = await request.post()
    return {key: value for key, value in form.items() if isinstance(value, str)}
