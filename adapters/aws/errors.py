"""AWS's answers and failures as the three kinds of action errors.

Called by `accounts` only, so that every action fails in the same words.
"""

import importlib
import re
from typing import Any

from adapters.values import redact
from flows.actions import (
    ANY,
    ActionError,
    PermanentError,
    Permission,
    TransientError,
    UnknownOutcomeError,
)

BUSY_DELAY = 3.0
STATE_DELAY = 15.0
LONGEST_SAID = 300
KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}([A-Z0-9]{4})\b")
TOO_FAST = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "403"}
)
CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "MissingAuthenticationToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
NOT_THERE = ("NotFound", "NotFoundFault", "NotFoundException")
EXISTING = ("AlreadyExists", "AlreadyExistsFault", "AlreadyExistsException")
BUSY = frozenset(
    {
        "ConcurrentModification",
        "ConcurrentModificationException",
        "InvalidDBInstanceState",
        "InvalidDBInstanceStateFault",
        "InvalidDBSnapshotState",
        "InvalidDBSnapshotStateFault",
        "OperationAborted",
        "ConditionalRequestConflict",
    }
)


class NotFoundError(PermanentError):
    """What is asked about is not there."""


class ExistsError(PermanentError):
    """Something of this name is there already."""


class ChangedError(PermanentError):
    """It is no longer what it was when it was looked at; nothing was changed."""


class BusyError(TransientError):
    """Something else goes on there right now, such as a backup; nothing was changed."""


def told(text: str) -> str:
    """Return a vendor's words: short, on one line, of key ids the last four characters only."""
    return KEY_ID.sub(r"…\1", redact(text))[:LONGEST_SAID]


def wrapped(permission: Permission, error: Exception, *, writes: bool) -> ActionError:
    """Turn what the SDK raised at a call into an action error.

    Raises it again where it is none of the SDK's.
    """
    sdk: Any = importlib.import_module("botocore.exceptions")
    if isinstance(error, sdk.ClientError):
        answer = error.response
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
        said = answer.get("Error", {})
        return refusal(
            permission,
            code=str(said.get("Code", status)),
            message=told(str(said.get("Message", ""))),
            status=status,
            writes=writes,
        )
    unread: Any = importlib.import_module("botocore.parsers").ResponseParserError
    if not isinstance(error, sdk.BotoCoreError | unread):
        raise error
    why = told(str(error)) or type(error).__name__
    service = permission.verb.partition(":")[0]
    unreached = (
        sdk.EndpointConnectionError,
        sdk.ConnectTimeoutError,
        sdk.ProxyConnectionError,
        sdk.SSLError,
    )
    if isinstance(error, unreached):
        return TransientError(f"AWS ({service}) can't be reached: {why}", delay=BUSY_DELAY)
    if isinstance(error, sdk.HTTPClientError | unread):
        if writes:
            return UnknownOutcomeError(f"AWS did not answer {permission.verb}: {why}")
        return TransientError(f"AWS did not answer {permission.verb}: {why}", delay=BUSY_DELAY)
    if isinstance(error, sdk.ParamValidationError):
        return PermanentError(f"{permission.verb} can't be asked like this: {why}")
    return PermanentError(
        f"Backout has no way into AWS: {why}. Check its credentials and `connections.aws` of "
        "system.yaml (profile, role)."
    )


def refusal(
    permission: Permission, *, code: str, message: str, status: int, writes: bool
) -> ActionError:
    """Turn an answer that is no success into an error."""
    verb = permission.verb
    if code in TOO_FAST or status in (429, 503):
        return TransientError(
            f"AWS is busy, or asked too fast ({verb}: {code}); trying again in {BUSY_DELAY:g} s.",
            delay=BUSY_DELAY,
        )
    if code in DENIED:
        return denied(permission, message)
    if code in CREDENTIALS:
        return PermanentError(
            f"AWS does not accept Backout's credentials ({code}): renew them, or check "
            "`connections.aws` of system.yaml (profile, role)."
        )
    if code == "PreconditionFailed" or status == 412:
        return ChangedError(
            f"{_subject(permission)} is no longer what it was when it was looked at, so nothing "
            "was changed: see who changed it, then make a new plan."
        )
    if code in BUSY:
        return BusyError(f"{verb} must wait: {message}", delay=STATE_DELAY)
    if code.endswith(EXISTING):
        return ExistsError(f"{_subject(permission)} is there already ({message})")
    if code.endswith(NOT_THERE) or code.startswith("NoSuch") or status == 404:
        return NotFoundError(f"It is not there: {message or _subject(permission)} ({code})")
    if status >= 500 and writes:
        return UnknownOutcomeError(f"AWS answered {verb} with {status} ({code}): {message}")
    if status >= 500:
        return TransientError(
            f"AWS answered {verb} with {status} ({code}): {message}", delay=BUSY_DELAY
        )
    return PermanentError(f"AWS refused {verb} ({code}): {message}")


def denied(permission: Permission, message: str = "") -> PermanentError:
    """Say which right is missing, and where to add it."""
    return PermanentError(
        f"AWS does not let Backout do {permission.verb} on {_subject(permission)}. Add this "
        "action to the IAM policy of its role (`backout permissions SYSTEM --aws` prints all of "
        "it); a bucket policy, boundary or key policy can deny it, too."
        + (f" AWS says: {message}" if message else "")
    )


def _subject(permission: Permission) -> str:
    return "any resource" if permission.resource == ANY else permission.resource
