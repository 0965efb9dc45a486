"""Which images are taken as inputs, and what pods tell of what they run."""

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.kubernetes import images, rollouts
from adapters.kubernetes.images import Image

DIGEST = "sha256:" + "0123456789abcdef" * 4
TAKEN = TypeAdapter(Image)


@pytest.mark.parametrize(
    "image",
    [
        f"shop/checkout@{DIGEST}",
        f"registry.example.com:5000/shop/check_out:v1.0.0@{DIGEST}",
        f"shop/checkout:latest@{DIGEST}",
        "checkout:1",
        "localhost:5000/checkout:1.0.0-rc.1_2",
    ],
)
def test_image_that_says_which_one_is_taken(image: str) -> None:
    """A digest says it, a tag at least means it; beside a digest any tag is decoration."""
    assert TAKEN.validate_python(image) == image


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("checkout", "may be any image tomorrow"),
        ("shop/checkout:latest", "may be any image tomorrow"),
        ("localhost:5000/checkout", "may be any image tomorrow"),
        ("", "is no image"),
        ("Shop/Checkout UI:1", "is no image"),
        ("shop//checkout:1", "is no image"),
        ("shop/checkout:1\n", "is no image"),
        ("https://registry.example.com/shop/checkout:1", "is no image"),
        (f"shop/checkout@{DIGEST[:-1]}", "is no image"),
        (f"shop/checkout@{DIGEST.upper()}", "is no image"),
    ],
)
def test_other_images_are_refused(image: str, said: str) -> None:
    """What moves by itself, or names nothing, is refused with what to write instead."""
    with pytest.raises(ValidationError, match=said):
        TAKEN.validate_python(image)


def test_parts_of_an_image() -> None:
    """A port is part of the repository, a tag beside a digest is not."""
    image = f"registry.example.com:5000/shop/checkout:1@{DIGEST}"
    assert images.digest(image) == DIGEST
    assert images.repository(image) == "registry.example.com:5000/shop/checkout"
    assert images.digest("shop/checkout:1") == ""


def test_digests_are_what_nodes_tell_of_registries() -> None:
    """A node's own id of an image is no digest, and two pods may differ."""

    def pod(**containers: str) -> dict[str, object]:
        told = [{"name": name, "imageID": each} for name, each in containers.items()]
        return {"status": {"containerStatuses": told[:1], "initContainerStatuses": told[1:]}}

    found = rollouts.digests(
        [
            pod(web="docker-pullable://shop/web@sha256:a", migrate="shop/migrate@sha256:c"),
            pod(web="shop/web@sha256:b", migrate="sha256:9"),
            pod(web=""),
        ]
    )
    assert found == {"web": ("sha256:a", "sha256:b"), "migrate": ("sha256:c",)}
