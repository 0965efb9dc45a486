"""Questions to the system's Prometheus, and what is expected of its numbers.

Called by `query` and `query_range`.
"""

from collections.abc import Mapping
from typing import Any

from adapters.http import exchanges
from adapters.http.exchanges import Request
from adapters.values import redact
from flows.actions import Context, PermanentError, TransientError


async def ask(context: Context, what: str, form: Mapping[str, str]) -> Any:
    """Ask `query` or `query_range` and return the answer's data.

    Raises `PermanentError` for a wrong query and a refused token, `TransientError` without an
    answer.
    """
    connection = context.system.connections.prometheus
    if connection is None:
        raise PermanentError(
            f"{context.system.title} has no Prometheus: add connections.prometheus to system.yaml."
        )
    headers = {}
    if connection.token:
        headers["Authorization"] = f"Bearer {context.surroundings.secret(connection.token)}"
    base = exchanges.address(context, connection.url)
    # POST, because a long query does not fit every proxy's limit for addresses.
    request = Request(method="POST", url=f"{base}/api/v1/{what}", headers=headers, form=form)
    answer = await exchanges.exchange(context, request)
    body = answer.json()
    if isinstance(body, dict) and body.get("errorType") in ("bad_data", "execution"):
        raise PermanentError(f"Prometheus refused the query: {redact(str(body.get('error')))}")
    if isinstance(body, dict) and body.get("errorType") in ("timeout", "canceled", "unavailable"):
        raise TransientError(f"Prometheus gave up on the query: {redact(str(body.get('error')))}")
    if error := exchanges.refusal(answer, "Prometheus", writes=False):
        raise error
    if not isinstance(body, dict) or body.get("status") != "success":
        raise PermanentError(f"{request.host} does not speak Prometheus' query API: check its url.")
    return body.get("data")


def met(expression: str, value: float, *, given: str) -> bool:
    """Say whether a number is as expected; `given` is the input's name, for its errors.

    Raises `PermanentError` where the expression is wrong.
    """
    from config import expressions

    try:
        compiled = expressions.compile_expression(expression)
        found = expressions.evaluate_condition(compiled, {"value": value})
    except expressions.ExpressionError as error:
        raise PermanentError(f"`{given}` is wrong: {error}") from error
    if found is None:
        raise PermanentError(
            f"`{given}` may use `value` only, which `{expression}` does not keep to."
        )
    return found
