"""A filter being typed is completed with the fields of its list and the values that are known."""

from __future__ import annotations

import pytest

from console.views.filter_hints import complete, completed, offered
from core.filter_fields import Listing, fields

FIELDS = fields(Listing.QUEUE)
VALUES = {"agent": ["quote-bot", "quote-two", "support-bot"]}


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("ag", "age"), ("agent:q", "agent:quote-"), ("agent:s", "agent:support-bot "), ("to:x !agen", "to:x !agent:"),
        ("expi", "expires>"), ("sev:w", "sev:warn "), ("sev>=e", "sev>=error "), ("colour:x", "colour:x"),
        ('subject:"a ag', 'subject:"a ag'), ("agent:nobody", "agent:nobody"),
        ("agent:a OR agent:su", "agent:a OR agent:support-bot "),
    ],
)  # fmt: skip
def test_tab_completes_as_far_as_it_is_certain(typed: str, becomes: str) -> None:
    assert completed(typed, FIELDS, VALUES) == becomes


def test_an_empty_line_offers_the_fields_and_says_how_many_more() -> None:
    assert complete("", FIELDS, VALUES)[1][:2] == ("agent:", "to:")
    assert offered("", FIELDS, VALUES).startswith("tab: agent:  to:  from:")
    assert offered("", FIELDS, VALUES).endswith(f"and {len(FIELDS) - 6} more")
    assert offered("colour", FIELDS, VALUES) == ""
