"""References to secrets: resolved when needed, never shown."""

from pathlib import Path

import pytest

from config.secrets import SecretError, resolve


def test_a_variable_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """`env:NAME` gives the variable's value."""
    monkeypatch.setenv("STATUS_TOKEN", "t0ken")
    assert resolve("env:STATUS_TOKEN") == "t0ken"


def test_a_file_is_read_afresh(tmp_path: Path) -> None:
    """`file:PATH` gives the file's text as it is now, without its last line end."""
    path = tmp_path / "token"
    path.write_text("first\n")
    assert resolve(f"file:{path}") == "first"
    path.write_text("second\r\n")
    assert resolve(f"file:{path}") == "second"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variable."""
    monkeypatch.delenv("STATUS_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("STATUS_TOKEN", value)
    with pytest.raises(SecretError, match=r"^env:STATUS_TOKEN: the variable STATUS_TOKEN is not"):
        resolve("env:STATUS_TOKEN")


@pytest.mark.parametrize(
    ("content", "part"),
    [(None, "can't be read"), (b"", "empty"), (b"\n", "empty"), (b"\xff\xfe", "not UTF-8")],
)
def test_a_file_without_a_secret_is_named(content: bytes | None, part: str, tmp_path: Path) -> None:
    """The message names the file and what is wrong with it."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SecretError, match=part) as caught:
        resolve(f"file:{path}")
    assert str(caught.value).startswith(f"file:{path}: ")


def test_a_huge_file_is_no_secret(tmp_path: Path) -> None:
    """A wrong path must not read a disk image into memory."""
    path = tmp_path / "token"
    path.write_bytes(b"x" * 100_000)
    with pytest.raises(SecretError, match="too large"):
        resolve(f"file:{path}")


def test_a_pasted_secret_is_not_repeated() -> None:
    """A secret that was written out by mistake is refused without printing it."""
    with pytest.raises(SecretError) as caught:
        resolve("xoxb-s3cret")
    assert "s3cret" not in str(caught.value)
