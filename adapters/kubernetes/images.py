"""Images as people name them: the forms that are taken, and what they pin.  Pure.

Called by the actions that change which image a container runs.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
REFERENCE = re.compile(
    rf"(?P<repository>(?:[A-Za-z0-9.-]+(?::\d{{1,5}})?/)?{PART}(?:/{PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
MOVING = (None, "latest")
"""What says nothing about which image it is."""


def _checked(text: str) -> str:
    found = REFERENCE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no image: write `repository@sha256:…` or `repository:tag`, in full"
        )
    if found["tag"] in MOVING and found["digest"] is None:
        raise ValueError(f"{text!r} may be any image tomorrow: name its digest, or a tag")
    return text


Image = Annotated[str, Field(max_length=500), AfterValidator(_checked)]
"""An image in an input, by its digest or at least by a tag."""


def digest(image: str) -> str:
    """Return the digest (`sha256:…`) that an image is pinned to; empty for a mere tag."""
    return image.rpartition("@")[2] if "@" in image else ""


def repository(image: str) -> str:
    """Return where an image comes from: `registry.example.com/shop/checkout`."""
    found = REFERENCE.fullmatch(image)
    return found["repository"] if found else image
