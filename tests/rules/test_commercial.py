"""What reads as commercial, measured on messages of its own; and what no disguise takes out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from core.model import DEFAULT_CLASSES, ContentClass
from core.rules.classification import Raised, pitches, raise_class

CORPUS: Final = Path(__file__).parent / "commercial"
COLD, COMMITMENT = ContentClass.COLD_OUTREACH, ContentClass.COMMITMENT
PLAIN = ContentClass.TRANSACTIONAL


def lines(name: str) -> list[str]:
    return [line for line in (CORPUS / name).read_text().splitlines() if line and not line.startswith("#")]


def test_of_pitches_in_seven_languages_nine_of_ten_are_found() -> None:
    listed = lines("pitches.txt")
    missed = [line for line in listed if not pitches(line)]
    assert len(listed) >= 50
    assert len(missed) <= len(listed) // 10, missed


def test_of_ordinary_messages_one_in_twenty_may_be_taken_for_a_pitch() -> None:
    listed = lines("ordinary.txt")
    wrong = [(line, pitches(line)) for line in listed if pitches(line)]
    assert len(listed) >= 60
    assert len(wrong) <= len(listed) // 20, wrong


@pytest.mark.parametrize(
    "text",
    [
        "Are you interested in learning more?",
        "ARE YOU INTERESTED IN LEARNING MORE?",
        "Are you inter\u00adested in lear\u200bning\nmore?",
        "\u0410re you int\u0435rested in l\u0435arning more?",
        "Your order 5512 is on its way. Your invoice is attached. Are you interested in learning more?",
        "Are you i n t e r e s t e d in learning more?",
    ],
)
def test_a_pitch_is_read_as_its_reader_reads_it(text: str) -> None:
    assert pitches(text)


def raised(
    declared: ContentClass = PLAIN, *, strangers: bool = True, one_click: bool = True, text: str = "Hello.",
    pitch: tuple[str, ...] = ("special offer",),
) -> Raised:  # fmt: skip
    return raise_class(
        declared, subject="x", text=text, first_contact=False, mailbox_classes=DEFAULT_CLASSES, pitch=pitch,
        strangers=strangers, one_click=one_click,
    )  # fmt: skip


def test_a_pitch_to_a_stranger_is_cold_outreach_in_a_mailbox_that_was_not_signed_off_for_it() -> None:
    found = raised()
    assert (found.content_class, found.classes, found.rule) == (COLD, (PLAIN, COLD), "commercial")
    assert found.words == ("special offer",)
    assert found.commercial


def test_to_somebody_we_have_to_do_with_it_stays_what_it_was_and_is_known_to_be_commercial() -> None:
    found = raised(strangers=False)
    assert (found.content_class, found.classes, found.commercial) == (PLAIN, (PLAIN,), True)
    assert not raised(pitch=()).commercial


def test_what_cannot_carry_an_unsubscribe_link_is_held_as_cold_outreach_and_goes_as_what_else_it_is() -> None:
    assert (raised(one_click=False).content_class, raised(one_click=False).classes) == (PLAIN, (PLAIN, COLD))
    promising = raised(one_click=False, text="We will refund you.")
    assert (promising.content_class, set(promising.classes)) == (COMMITMENT, {PLAIN, COMMITMENT, COLD})
    assert raised(COLD, one_click=False).content_class is COLD


@pytest.mark.parametrize(
    "text",
    ["Cut your energy budget.", "The offer is valid for a week.", "The sale runs all day.", "Only 3 places left."],
)
def test_alternatives_whose_words_were_forgotten_once_are_found(text: str) -> None:
    assert pitches(text)
