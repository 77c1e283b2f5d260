"""A held message's wording as a file for an editor, and back."""

from __future__ import annotations

from typing import Any, Final

import pytest

from core.desk_client import wording
from core.errors import Invalid

TEXT: Final[dict[str, Any]] = {"subject": "Your refund", "text": "It is on its way.\n", "html": None}
BOTH: Final = TEXT | {"html": "<p>It is on its way.</p>\n"}
HTML: Final = BOTH | {"text": None}


@pytest.mark.parametrize("before", [TEXT, BOTH, HTML])
def test_a_file_that_was_only_looked_at_changes_nothing(before: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="nothing was changed"):
        wording.read(wording.spelled(before), before)


def test_only_what_was_changed_is_sent() -> None:
    before = TEXT
    written = wording.spelled(before)
    assert wording.read(written.replace("refund", "money"), before) == {"subject": "Your money"}
    assert wording.read(written.replace("on its way", "here"), before) == {"text": "It is here.\n"}
    assert wording.read(wording.spelled(HTML).replace("on its way", "here"), HTML) == {"html": "<p>It is here.</p>\n"}


def test_a_message_with_both_bodies_sends_both_or_leaves_the_html_out() -> None:
    written = wording.spelled(BOTH)
    found = wording.read(written.replace("It is", "It was", 1), BOTH)
    assert found == {"text": "It was on its way.\n", "html": BOTH["html"]}
    assert wording.read(written.partition(wording.HTML)[0], BOTH) == {"text": BOTH["text"], "html": ""}


@pytest.mark.parametrize("line", [wording.TEXT, wording.HTML, f"-{wording.HTML}-\n{wording.TEXT}"])
@pytest.mark.parametrize("html", [None, "<p>It is on its way.</p>\n"])
def test_a_line_of_the_text_that_looks_like_a_section_stays_text(line: str, html: str | None) -> None:
    before = TEXT | {"text": f"{line}\nagain\n", "html": html}
    written = wording.spelled(before).replace("again", "more")
    assert wording.read(written, before)["text"] == f"{line}\nmore\n"


def test_nothing_that_was_written_is_left_out() -> None:
    """A section that the message does not have is text; text in no section and a second section are refused."""
    written = wording.spelled(TEXT)
    assert wording.read(f"{written}{wording.HTML}\nmore\n", TEXT)["text"].endswith(f"{wording.HTML}\nmore\n")
    with pytest.raises(Invalid, match="above the body"):
        wording.read(written.replace(wording.TEXT, f"Hello\n{wording.TEXT}"), TEXT)
    with pytest.raises(Invalid, match="twice"):
        wording.read(f"{wording.spelled(BOTH)}{wording.HTML}\n", BOTH)


@pytest.mark.parametrize("written", ["", "Hello\n", "Subject: x\nno section\n"])
def test_a_file_of_another_form_is_refused(written: str) -> None:
    with pytest.raises(Invalid):
        wording.read(written, TEXT)
