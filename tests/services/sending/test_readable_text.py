"""Rules that look for words are asked over one value, whether it is read from the request or from the bytes."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from core.rules import content
from core.rules.compose import Additions, Attachment, Draft, compose
from core.services.sending.readable_text import readable_text


@dataclass(frozen=True)
class Who:
    local: str
    domain_ascii: str = "example.com"
    display: str = ""


ADDED = Additions(
    rfc_message_id="<m0000000000005.k1.abcdefghijklmnopqrstuvwx@support-bot.acme.com>",
    postroom_message_id="m0000000000005.k1.abcdefghijklmnopqrstuvwx",
    agent_id="support",
    run_id="run-7",
    feedback_id="support:m5:transactional:acme",
    orders=(),
)
SAID = "we honour the voucher"
CALENDAR = f"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:{SAID}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
FILES = (
    Attachment("terms.txt", "text/plain", f"From now on\n{SAID}\n".encode()),
    Attachment("terms.txt", "text/plain; charset=latin-1", f"Grüße, {SAID}".encode("latin-1")),
    Attachment("terms.html", "application/octet-stream", f"<p>we <b>hon</b>our the voucher {SAID}</p>".encode()),
    Attachment("when.ics", "text/calendar; method=REQUEST", CALENDAR.encode()),
    Attachment("when.ics", "text/calendar", CALENDAR.encode(), disposition="attachment"),
    Attachment("mail.eml", "message/rfc822", f"Subject: terms\r\n\r\nFrom today\r\n{SAID}\r\n".encode()),
    Attachment("mail.eml", "message/rfc822", f"Subject: terms\r\n\r\n{SAID}\r\n".encode()),
    Attachment("mail.eml", "message/rfc822", f"Subject: terms\n\nGrüße, {SAID}".encode()),
    Attachment("picture.png", "image/png", b"\x89PNG", content_id="p"),
)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=80).filter(str.strip)
bodies = st.lists(st.one_of(texts, st.sampled_from((SAID, "> quoted", "From here", "."))), min_size=1, max_size=5).map(
    "\n".join
)
markup = st.sampled_from(
    (None, f"<p>{SAID}</p>", "<p>we h<i style='display:none'>x</i>onour the voucher</p>", '<img src="cid:p">')
)


@given(bodies, markup, st.lists(st.sampled_from(FILES), max_size=3, unique_by=id))
@example("Hello", None, [FILES[0]])
@example("Hello", None, [FILES[3]])
@example("Hello", None, [FILES[5]])
@example("Hello", None, [FILES[6]])
def test_the_bytes_say_the_same_words_as_the_request(text: str, html: str | None, files: list[Attachment]) -> None:
    draft = Draft(
        sender=Who("help"), to=(Who("jane"),), subject="Hello", text=text, html=html, attachments=tuple(files)
    )
    parts = content.read_parts(compose(draft, ADDED).message)
    asked, leaving = readable_text(text, html, files), readable_text(parts.text, parts.html, parts.files)
    assert sorted(_words(leaving)) == sorted(_words(asked))


def _words(text: str) -> list[str]:
    """Line ends and the order of the files are the composer's; the words are the message's."""
    return text.split()
