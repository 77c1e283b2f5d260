"""Secrets at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid, Unavailable
from core.security.encryption import MasterKeys, key_id, new_master_key

OLD, NEW = new_master_key("k1"), new_master_key("k2")


@given(secret=st.binary(max_size=200), about=st.text(max_size=20))
def test_what_was_sealed_opens_again(secret: bytes, about: str) -> None:
    ring = MasterKeys.parse(NEW)
    sealed = ring.seal(secret, about=about)
    assert ring.open(sealed, about=about) == secret
    assert ring.seal(secret, about=about) != sealed


def test_master_keys_rotate() -> None:
    sealed = MasterKeys.parse(OLD).seal(b"secret", about="row")
    both = MasterKeys.parse(f"{NEW},{OLD}")
    assert both.open(sealed, about="row") == b"secret"
    assert key_id(sealed) == "k1"
    assert key_id(both.seal(b"secret", about="row")) == "k2"
    with pytest.raises(Unavailable, match="'k1'"):
        MasterKeys.parse(NEW).open(sealed, about="row")


def test_a_secret_moved_to_another_row_does_not_open() -> None:
    ring = MasterKeys.parse(NEW)
    with pytest.raises(Unavailable):
        ring.open(ring.seal(b"secret", about="stream a"), about="stream b")


def test_every_altered_byte_is_noticed() -> None:
    ring = MasterKeys.parse(NEW)
    sealed = ring.seal(b"secret", about="row")
    for place in range(len(sealed)):
        altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Unavailable):
            ring.open(altered, about="row")
        with pytest.raises(Unavailable):
            ring.open(sealed[:place], about="row")


@pytest.mark.parametrize(
    "text",
    ["", "k1", "k1:short", f"{NEW} {NEW}", "K 1:" + "A" * 43],
    ids=["empty", "no key", "short", "twice", "bad name"],
)
def test_a_bad_ring_is_refused_without_telling_the_secret(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        MasterKeys.parse(text)
    assert "A" * 43 not in str(refused.value)
    assert NEW[3:] not in str(refused.value)
