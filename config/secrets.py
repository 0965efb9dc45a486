"""Secrets stay where they are kept: configuration only refers to them.

`env:NAME` is a variable of the environment, `file:PATH` a file such as Docker and Kubernetes
mount.  `adapters` resolve a reference right before they connect, so that a rotated file counts.
"""

import os
from pathlib import Path

MAX_SECRET = 64 * 1024


class SecretError(Exception):
    """A reference leads to no secret.  The message names the reference, never a value."""


def resolve(reference: str) -> str:
    """Return the secret that a reference leads to, without the line's end of a file."""
    kind, _, name = reference.partition(":")
    match kind:
        case "env":
            return _from_environment(reference, name)
        case "file":
            return _from_file(reference, Path(name))
        case _:
            # What stands here may be the secret itself, pasted in by mistake: don't repeat it.
            raise SecretError("a secret is referred to as env:NAME or file:PATH, never written out")


def _from_environment(reference: str, name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SecretError(f"{reference}: the variable {name} is not set; set it and start again")
    return value


def _from_file(reference: str, path: Path) -> str:
    try:
        if path.stat().st_size > MAX_SECRET:
            raise SecretError(f"{reference}: the file is too large for a secret")
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(f"{reference}: the file is not UTF-8 text") from None
    except OSError as error:
        raise SecretError(f"{reference}: the file can't be read ({error.strerror})") from None
    if not value:
        raise SecretError(f"{reference}: the file is empty")
    return value
