"""Errors as AWS words them: codes, status and body differ by service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

# Which protocol a service speaks, by the name that requests are signed for.
JSON = {"logs", "secretsmanager", "ses", "ssm"}  # of SES the newer interface
REST_XML = {"cloudfront", "route53"}
# The others are "query": elasticloadbalancing, rds, iam, sts; and s3 has its own kind of XML.

REQUEST_ID = "5f3c1f0e-0000-4000-8000-backoutsandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsError:
    """One refusal: `code` is what botocore's ClientError shows as Error.Code."""

    code: str
    message: str
    status: int = 400


def throttled(service: str) -> AwsError:
    """Return how a service says "too fast": all but S3 with status 400."""
    if service == "s3":
        return AwsError(code="SlowDown", message="Please reduce your request rate.", status=503)
    code = "ThrottlingException" if service in JSON else "Throttling"
    return AwsError(code=code, message="Rate exceeded")


def denied(service: str, action: str, who: str = "deploy") -> AwsError:
    """Return how a service says "you may not"; the message names the right that is missing."""
    if service == "s3":
        return AwsError(code="AccessDenied", message="Access Denied", status=403)
    message = (
        f"User: arn:aws:iam::123456789012:user/{who} is not authorized to perform: {action}"
        " because no identity-based policy allows the action"
    )
    if service in JSON:
        return AwsError(code="AccessDeniedException", message=message)
    return AwsError(code="AccessDenied", message=message, status=403)


def unknown_key(service: str) -> AwsError:
    """Return how a service says that nobody signs with this key (any more)."""
    if service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError(code="InvalidAccessKeyId", message=message, status=403)
    message = "The security token included in the request is invalid."
    if service in JSON:
        return AwsError(code="UnrecognizedClientException", message=message)
    return AwsError(code="InvalidClientTokenId", message=message, status=403)


def failed(service: str) -> AwsError:
    """Return an error of AWS's own making."""
    code = "InternalServiceError" if service in JSON else "InternalFailure"
    if service == "s3":
        code = "InternalError"
    return AwsError(code=code, message="We encountered an internal error.", status=500)


def body(service: str, error: AwsError) -> tuple[str, bytes]:
    """Return the content type and the body of an error's answer."""
    if service in JSON:
        content = json.dumps({"__type": error.code, "message": error.message})
        return "application/x-amz-json-1.1", content.encode()
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if service == "s3":
        content = f"<Error>{inner}<RequestId>{REQUEST_ID}</RequestId></Error>"
    else:
        kind = "Sender" if error.status < 500 else "Receiver"
        content = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{inner}</Error>"
            f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        )
    return "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>{content}'.encode()
