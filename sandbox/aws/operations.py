"""Which operation a request asks for.  Called by `front`.

Protocols differ: JSON names it in a header, the query protocol in a parameter, and REST by method,
path, query and headers, as the SDK's own description of the service has them.
"""

from __future__ import annotations

import io
import re
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs

PLACEHOLDER = re.compile(r"\\{(\w+)(\\\+)?\\}")
Environment = dict[str, Any]


def operation_of(service: str, environment: Environment) -> str:
    """Return the name of the operation that a request asks for, or ""."""
    if target := environment.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if "form-urlencoded" in environment.get("CONTENT_TYPE", ""):
        length = int(environment.get("CONTENT_LENGTH") or 0)
        content = environment["wsgi.input"].read(length)
        environment["wsgi.input"] = io.BytesIO(content)
        return next(iter(parse_qs(content.decode()).get("Action", [])), "")
    newer = service == "ses" and str(environment["PATH_INFO"]).startswith("/v2/")
    return by_address("sesv2" if newer else service, environment)


def by_address(service: str, environment: Environment) -> str:
    """Find a REST operation by method, path, query and headers: the one that asks for most."""
    from moto.core.utils import get_service_model

    address = str(environment["PATH_INFO"]).rstrip("/") or "/"
    given = parse_qs(environment.get("QUERY_STRING", ""), keep_blank_values=True)
    best = ("", -1)
    model = get_service_model(service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.http["method"] != environment["REQUEST_METHOD"]:
            continue
        path, _, query = operation.http["requestUri"].partition("?")
        asked = {*parse_qs(query, keep_blank_values=True), *required(operation, "querystring")}
        headers = required(operation, "header")
        fits = asked <= given.keys()
        fits = fits and all(as_variable(each) in environment for each in headers)
        if fits and as_pattern(path).fullmatch(address):
            best = max(best, (name, 100 * len({*asked, *headers}) + len(path)), key=itemgetter(1))
    return best[0]


def as_variable(header: str) -> str:
    """Return what WSGI calls a header: `x-amz-copy-source` is HTTP_X_AMZ_COPY_SOURCE."""
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def required(operation: Any, location: str) -> list[str]:
    """Return what an operation must have in its query, or in its headers."""
    shape = operation.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape else []
    found = (each.serialization for each in members)
    return [str(each["name"]) for each in found if each.get("location") == location]


def as_pattern(path: str) -> re.Pattern[str]:
    """Turn `/{Bucket}/{Key+}` into a pattern."""
    text = re.escape(path.rstrip("/") or "/")
    return re.compile(PLACEHOLDER.sub(lambda each: ".+" if each[2] else "[^/]+", text))
