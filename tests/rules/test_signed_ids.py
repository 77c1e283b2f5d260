"""Marks that come back: only ours are read, whatever a mail server did to their case."""

from __future__ import annotations

import re
import string
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.rules.signed_ids import (
    HmacKeys,
    complaint_id,
    conceal,
    message_id,
    read_complaint_id,
    read_message_id,
    read_return_path,
    read_trace_header,
    read_unsubscribe_token,
    return_path,
    trace_header,
    unsubscribe_token,
)

OLD, NEW = b"o" * 32, b"n" * 32
RING = HmacKeys({"k1": OLD, "k2": NEW}, "k2")
BEFORE = HmacKeys({"k1": OLD}, "k1")
STRANGER = HmacKeys({"k1": b"s" * 32, "k2": b"t" * 32}, "k2")
DOMAIN = "support-bot.acme.com"

ids = st.integers(0, 2**63 - 1)
numbers = st.integers(0, 65_535)
Write = Callable[[int, int, HmacKeys], str]
Read = Callable[[str, HmacKeys], object]
MARKS: dict[str, tuple[Write, Read]] = {
    "return path": (lambda i, n, ring: return_path(i, n, domain=DOMAIN, keyring=ring), read_return_path),
    "token": (lambda i, n, ring: unsubscribe_token(i, n, keyring=ring), read_unsubscribe_token),
    "Message-ID": (lambda i, _n, ring: message_id(i, domain=DOMAIN, keyring=ring), read_message_id),
    "trace": (lambda i, _n, ring: trace_header(i, keyring=ring), read_trace_header),
    "complaint": (lambda i, _n, ring: complaint_id(i, keyring=ring), read_complaint_id),
}
every_mark = st.sampled_from(sorted(MARKS))


def expected(kind: str, number: int, n: int) -> object:
    return (number, n) if kind in {"return path", "token"} else number


@given(every_mark, ids, numbers)
def test_a_mark_reads_back_in_any_case_and_after_keys_have_rotated(kind: str, number: int, n: int) -> None:
    write, read = MARKS[kind]
    for text in (write(number, n, RING), write(number, n, BEFORE)):
        assert read(text, RING) == expected(kind, number, n)
        assert read(text.upper(), RING) == expected(kind, number, n)
        assert read(text.swapcase(), RING) == expected(kind, number, n)


SENT_EARLIER = {
    "return path": "b-a1aerukz4jvpg66aadmu2dwa4qahhiq65g3ojm6zkq@bounces.bot.acme.com",
    "token": "a1aerukz4jvpg66aadz4krqgz3sneukf4rgmobtmqc",
    "Message-ID": "<m028t5cy4tqkff.a1.3nja55aqksbdpoagiwcr26tm@bot.acme.com>",
    "trace": "m028t5cy4tqkff.a1.2a7rq5zs7ajqshyxjnqrczlx",
    "complaint": "m028t5cy4tqkff:a1:2a7rq5zs7ajqshyxjnqrczlx",
}


@pytest.mark.parametrize("kind", sorted(MARKS))
def test_a_mark_that_an_earlier_version_sent_is_still_read(kind: str) -> None:
    """Mail is out there with these: whatever changes in how they are made, it must still bounce and unsubscribe."""
    ring = HmacKeys({"a1": b"k" * 32}, "a1")
    assert MARKS[kind][1](SENT_EARLIER[kind], ring) == expected(kind, 0x0123456789ABCDEF, 3)


@pytest.mark.parametrize("kind", sorted(MARKS))
def test_a_letter_that_only_lowercases_into_ascii_is_none_of_ours(kind: str) -> None:
    ring = HmacKeys({"a1": b"k" * 32}, "a1")
    odd = SENT_EARLIER[kind].replace("k", "\N{KELVIN SIGN}", 1)
    assert odd.lower() == SENT_EARLIER[kind]
    assert MARKS[kind][1](odd, ring) is None


@given(every_mark, ids, numbers, st.data())
def test_any_other_character_anywhere_makes_it_none_of_ours(
    kind: str, number: int, n: int, data: st.DataObject
) -> None:
    write, read = MARKS[kind]
    text = write(number, n, RING)
    at = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.sampled_from(string.ascii_letters + string.digits + ".-@<> =\u0131\u212a\u017f\0"))
    assume(char.lower() != text[at] and not (text[at] in "<>" and char in "<> "))
    assert read(text[:at] + char + text[at + 1 :], RING) is None
    if text[at] not in "<>":
        assert read(text[:at] + text[at + 1 :], RING) is None
        assert read(text[:at] + "a" + text[at:], RING) is None


@given(every_mark, ids, numbers)
def test_another_desk_with_the_same_key_ids_reads_nothing(kind: str, number: int, n: int) -> None:
    write, read = MARKS[kind]
    assert read(write(number, n, STRANGER), RING) is None
    assert read(write(number, n, RING), BEFORE) is None


@given(ids, numbers)
def test_a_mark_of_one_kind_opens_no_other_door(number: int, n: int) -> None:
    path = return_path(number, n, domain=DOMAIN, keyring=RING)
    token = unsubscribe_token(number, n, keyring=RING)
    seal = trace_header(number, keyring=RING)
    name = message_id(number, domain=DOMAIN, keyring=RING)
    assert read_unsubscribe_token(path.partition("@")[0].removeprefix("b-"), RING) is None
    assert read_return_path(f"b-{token}@bounces.{DOMAIN}", RING) is None
    assert read_message_id(f"<{seal}@{DOMAIN}>", RING) is None
    assert read_trace_header(name.strip("<>").partition("@")[0], RING) is None


@given(ids)
def test_a_complaint_id_is_spelled_and_folded_as_rfc_9477_says_and_never_shown(number: int) -> None:
    mark = complaint_id(number, keyring=RING)
    assert re.fullmatch("[A-Za-z0-9!#$%&'*+/=?^_`{|}~:-]+", mark)  # atext or a colon
    assert read_complaint_id(f"  {mark[:20]}\r\n\t{mark[20:]}", RING) == number
    assert conceal(f"refused (CFBL-Feedback-ID: {mark})") == "refused (CFBL-Feedback-ID: [mark])"


@given(ids, numbers)
@example(0, 0)
@example(2**63 - 1, 65_535)
def test_a_return_path_fits_the_local_part_of_every_mail_server(number: int, n: int) -> None:
    local, _, host = return_path(number, n, domain="Acme.COM", keyring=RING).partition("@")
    assert len(local) <= 64  # RFC 5321 4.5.3.1.1
    assert local.isascii()
    assert local == local.lower()
    assert host == "bounces.acme.com"


@pytest.mark.parametrize("read", [read for _, read in MARKS.values()])
@given(text=st.text(max_size=80))
@example(text="")
@example(text="b-@bounces.support-bot.acme.com")
@example(text="b-k2" + "a" * 40)
@example(text="m0000000000000.k2.")
@example(text="m0000000000000.k2.a")
@example(text="<@>")
def test_anything_else_is_none_of_ours(read: Read, text: str) -> None:
    assert read(text, RING) is None


@pytest.mark.parametrize(
    ("keys", "active"),
    [({"k1": b"short"}, "k1"), ({"k1": OLD}, "k2"), ({"K1": OLD}, "K1"), ({"key": OLD}, "key"), ({}, "")],
)
def test_a_ring_with_weak_or_unspeakable_keys_is_refused(keys: dict[str, bytes], active: str) -> None:
    with pytest.raises(ValueError, match="key"):
        HmacKeys(keys, active)


def test_a_ring_does_not_show_its_keys() -> None:
    assert "oooo" not in repr(RING)
