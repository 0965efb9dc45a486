"""The vault: what it seals can be read with its keys only, and marks tell nothing."""

import pytest

from adapters.values import masked
from adapters.vault import KeyVault, make_key
from flows.actions import PermanentError

SECRET = {"password": "hunter2", "port": 5432}


def test_what_is_sealed_comes_back_and_can_not_be_read() -> None:
    """The same value, and no trace of it in the text; the next sealing looks different."""
    vault = KeyVault([make_key()])
    sealed = vault.seal(SECRET)
    assert vault.unseal(sealed) == SECRET
    assert "hunter2" not in sealed
    assert vault.seal(SECRET) != sealed


def test_keys_can_be_changed() -> None:
    """The new key before the old one: old captures are read, marks stay, new ones need it."""
    old, new = make_key(), make_key()
    before, changed, after = KeyVault([old]), KeyVault([new, old]), KeyVault([new])
    assert changed.unseal(before.seal(SECRET)) == SECRET
    assert changed.mark(SECRET) == before.mark(SECRET)
    assert after.unseal(changed.seal(SECRET)) == SECRET
    with pytest.raises(PermanentError, match="can't be read with BACKOUT_CAPTURE_KEY"):
        after.unseal(before.seal(SECRET))


def test_marks_tell_secrets_apart_and_nothing_else() -> None:
    """Equal values have equal marks; under another key they differ."""
    vault = KeyVault([make_key()])
    assert vault.mark("hunter2") == vault.mark("hunter2") != vault.mark("hunter3")
    assert vault.mark("hunter2") != KeyVault([make_key()]).mark("hunter2")
    assert masked(vault, "hunter2") == f"secret {vault.mark('hunter2')[:6]}"


@pytest.mark.parametrize(
    ("keys", "said"), [([], "is not set"), (["not a key"], "is not a key: it must be")]
)
def test_nothing_is_sealed_without_a_key(keys: list[str], said: str) -> None:
    """The sentence says how to get one."""
    with pytest.raises(PermanentError, match=said) as caught:
        KeyVault(keys).seal(SECRET)
    assert "backout key" in str(caught.value)
    assert "not a key:" not in str(caught.value).removeprefix("BACKOUT_CAPTURE_KEY is not a key:")
