"""What a person reads out to prove a claim reveals nothing that a database could be searched by."""

from __future__ import annotations

import base64

from core.security import credentials


def test_a_fingerprint_is_no_part_of_the_digest_that_the_desk_keeps() -> None:
    digest = credentials.new_operator_token().digest
    read_out = credentials.fingerprint(digest).replace("-", "")
    assert len(read_out) == 12
    assert read_out not in base64.b32encode(digest).decode()
    assert credentials.fingerprint(digest).replace("-", "") == read_out
