"""Reading what comes back: a corpus of whole mails, and the properties that hold for any bytes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rules.reports import Event, Report, read
from tests.factories import effort

CORPUS = Path(__file__).parents[1] / "corpus"
MAILS = sorted(CORPUS.glob("*.eml"))
ORIGINAL = b"From: help@support-bot.acme.com\nTo: jane@example.net\nMessage-ID: <m@support-bot.acme.com>\n"


def bounce(status: bytes, *, head: bytes = b"From: MAILER-DAEMON@mx.example.net\nSubject: Undeliverable\n") -> bytes:
    """A delivery status notification around these fields."""
    return (
        head + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        b"--b\n\nNot delivered.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        + status
        + b"\n--b\nContent-Type: message/rfc822\n\n"
        + ORIGINAL
        + b"X-Postroom-Message-ID: m1.k1.abc\n\nHello\n--b--\n"
    )


def notice(words: str, *, sender: str = "MAILER-DAEMON@mx.example.net", subject: str = "failure notice") -> Report:
    """What is read in a failure notice of plain text."""
    return read(f"From: {sender}\nTo: help@support-bot.acme.com\nSubject: {subject}\n\n{words}\n".encode())


@pytest.mark.parametrize("mail", MAILS, ids=lambda mail: mail.stem)
def test_corpus_mail_is_read_as_expected(mail: Path) -> None:
    assert read(mail.read_bytes()).as_json() == json.loads(mail.with_suffix(".json").read_text(encoding="utf-8"))


def test_corpus_is_wide_enough_and_has_no_orphans() -> None:
    expected = {path.stem: json.loads(path.read_text(encoding="utf-8"))["kind"] for path in CORPUS.glob("*.json")}
    assert expected.keys() == {mail.stem for mail in MAILS}
    kinds = list(expected.values())
    assert len(kinds) >= 40
    assert kinds.count("other") >= 10
    assert kinds.count("complaint") >= 4


def test_corpus_keeps_mixed_line_ends() -> None:
    raw = (CORPUS / "mixed-line-endings-and-mbox-line.eml").read_bytes()
    assert b"\r\n" in raw
    assert b"\n" in raw.replace(b"\r\n", b"")


@given(st.binary(max_size=3_000))
def test_any_bytes_are_read_without_raising(raw: bytes) -> None:
    assert read(raw).kind in ("bounce", "complaint", "other")


@settings(max_examples=effort.times(60, 2000), deadline=None)
@given(
    st.sampled_from(MAILS), st.lists(st.tuples(st.integers(0, 4_000), st.binary(max_size=12)), max_size=8), st.data()
)
def test_mutated_reports_are_read_without_raising(
    mail: Path, edits: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    raw = bytearray(mail.read_bytes())
    for at, insert in edits:
        cut = data.draw(st.integers(0, 40))
        raw[at : at + cut] = insert
    report = read(bytes(raw))
    assert json.dumps(report.as_json())
    assert all("@" in each.address for each in report.recipients)
    assert all(each.event is Event.BOUNCED for each in report.recipients if each.permanent)


HOSTILE = {
    "nested multiparts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(9_000)
    ),
    "nested messages": b"Content-Type: message/rfc822\n\n" * 30_000,
    "nested digests": b"Content-Type: multipart/digest; boundary=b\n\n--b\n\n" * 20_000,
    "folded composite headers": b"Content-Type:\r\n message/rfc822\r\r" * 30_000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 200_000,
    "one long line": b"\nfailed " + b"a" * 1_000_000,
    "at signs": b"\nfailed " + b"a@" * 500_000,
    "blanks": b"\nfailed " + b" " * 1_000_000,
    "open tags": b"Content-Type: text/html\n\n" + b"<style" * 170_000,
    "many headers": b"a:\n" * 300_000,
    "blank lines in a status": (
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        + b"\n" * 1_000_000
    ),
    "many groups and one long reason": (
        b"\n"
        b"Final-Recipient: rfc822;\nAction: failed\n\n"
        + b"to: exceeds the mail message delivery " * 20_000
        + b"\n\nFinal-Recipient: rfc822;\nStatus: x\n\n" * 5_000
    ),
    "slow codec": b"Content-Type: text/plain; charset=punycode\n\n" + b"a\xff-" * 300_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_mail_is_read_within_seconds_of_cpu(body: bytes) -> None:
    started = time.process_time()
    assert read(b"From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n" + body).recipients == ()
    # CPU time of this process, not the wall: quadratic readings of these take minutes.
    assert time.process_time() - started < 3


def test_what_lies_beyond_the_first_mebibyte_is_not_looked_at() -> None:
    late = b"\n" + b"x" * (1 << 20) + b"\n<jane@example.net>: 550 5.1.1 unknown\n"
    assert read(b"From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n" + late).recipients == ()


def test_report_carries_what_trust_is_matched_on() -> None:
    head = b"Delivered-To: b-k1-abc@bounces.acme.com\nFrom: MAILER-DAEMON@mx.example.net\nTo: other@acme.com\n"
    report = read(bounce(b"Final-Recipient: rfc822; jane@example.net\nAction: failed\nStatus: 5.1.1\n", head=head))
    assert report.message_id == "<m@support-bot.acme.com>"
    assert report.postroom_message_id == "m1.k1.abc"
    assert report.return_paths[0] == "b-k1-abc@bounces.acme.com"
    assert report.reporting_source == "mx.example.net"


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("failed", Event.BOUNCED),
        ("delayed", Event.DEFERRED),
        ("delivered", Event.DELIVERED),
        ("relayed", Event.DELIVERED),
        ("expanded", Event.DELIVERED),
        ("Failed (permanently)", Event.BOUNCED),
    ],
)
def test_each_action_of_rfc_3464_is_one_event(action: str, event: Event) -> None:
    report = read(bounce(f"Final-Recipient: rfc822; jane@example.net\nAction: {action}\n".encode()))
    assert [each.event for each in report.recipients] == [event]


@pytest.mark.parametrize(
    ("fields", "status", "permanent"),
    [
        ("Status: 5.2.2\nDiagnostic-Code: smtp; 452 mailbox full", "5.2.2", True),
        ("Status: 4.2.2\nDiagnostic-Code: smtp; 550 mailbox full", "4.2.2", False),
        ("Diagnostic-Code: smtp; 452 4.2.2 full", "4.2.2", False),
        ("Diagnostic-Code: smtp; 451 try later", None, False),
        ("Diagnostic-Code: smtp; 550 no such user", None, True),
        ("Diagnostic-Code: x; mailbox is full", None, False),
        ("Diagnostic-Code: x; user unknown", None, True),
        ("Diagnostic-Code: smtp; host 5.1.1.7 said: 450 4.3.0 later", "4.3.0", False),
        ("Status: 5. 1 .1 (bad address)", "5.1.1", True),
    ],
)
def test_severity_is_the_class_then_the_reply_code_then_the_words(
    fields: str, status: str | None, *, permanent: bool
) -> None:
    (each,) = read(bounce(f"Final-Recipient: rfc822; jane@example.net\nAction: failed\n{fields}\n".encode())).recipients
    assert (each.status, each.permanent) == (status, permanent)


def test_one_recipient_listed_twice_has_the_worst_of_its_news() -> None:
    group = b"Final-Recipient: rfc822; Jane@Example.net\nAction: %s\nStatus: %s\n\n"
    report = read(bounce(group % (b"delayed", b"4.4.1") + group % (b"failed", b"5.4.1")))
    assert [(each.address, each.event) for each in report.recipients] == [("Jane@example.net", Event.BOUNCED)]


def test_tagged_address_is_not_mistaken_for_xtext() -> None:
    (each,) = read(
        bounce(b"Final-Recipient: rfc822; jane+20tag@example.net\nAction: failed\nStatus: 5.1.1\n")
    ).recipients
    assert each.address == "jane+20tag@example.net"


def test_notice_never_names_its_own_addressee_or_the_postmaster() -> None:
    report = notice(
        "Your mail could not be delivered. Contact postmaster@example.net.\n\nSender: help@support-bot.acme.com\n"
    )
    assert report.recipients == ()


def test_the_same_words_from_a_person_are_no_bounce() -> None:
    words = (
        "This is the mail system at host mx.example.net.\n\n<jane@example.net>: host mx said: 550 5.1.1 User unknown"
    )
    assert notice(words).kind == "bounce"
    assert notice(words, sender="Bob <bob@example.org>", subject="Fwd: failure notice").kind == "other"
    assert notice(words, sender="Bob <bob@example.org>", subject="what is this?").kind == "other"


def test_full_mailbox_in_words_alone_is_not_permanent() -> None:
    (each,) = notice("Your message could not be delivered to:\n\n  jane@example.net\n    mailbox is full\n").recipients
    assert not each.permanent


def test_attached_bounce_is_the_business_of_whoever_attached_it() -> None:
    inner = bounce(b"Final-Recipient: rfc822; jane@example.net\nAction: failed\nStatus: 5.1.1\n")
    raw = (
        b"From: Ann <ann@example.org>\nSubject: see attached\nContent-Type: multipart/mixed; boundary=out\n\n"
        b"--out\n\nWhat is this?\n--out\nContent-Type: message/rfc822\n\n" + inner + b"\n--out--\n"
    )
    assert read(raw).kind == "other"


# --- delay and giving up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "Delivery attempts will continue. Eventually the mail delivery software will give up.",
        "We will keep trying for 3 days. If it has not arrived until then, we shall give up.",
        "The server will retry for 46 hours; you will be notified when the message has expired.",
        "Wir versuchen es weiterhin. Nach fünf Tagen wird der Versuch aufgegeben.",
    ],
)
def test_giving_up_that_is_still_to_come_is_a_delay(words: str) -> None:
    report = notice(f"Your message to\n\n  jane@example.net\n\nhas not been delivered yet.\n{words}\n")
    assert [each.event for each in report.recipients] == [Event.DEFERRED]


@pytest.mark.parametrize(
    "reason",
    [
        "envelope expired",
        "all hosts have been failing for a long time",
        "tried 20 times, giving up",
        "The recipient server did not accept our requests to connect.",
        "retry timeout exceeded",
        "could not reach the server for 5 days",
    ],
)
def test_given_up_after_timeouts_without_a_code_is_soft(reason: str) -> None:
    (each,) = notice(f"Your message could not be delivered:\n\n<jane@example.net>:\n{reason}\n").recipients
    assert (each.event, each.permanent, each.suppress) == (Event.BOUNCED, False, False)


@pytest.mark.parametrize("subject", ["Warning: could not deliver", "Delayed mail", "failure notice"])
@pytest.mark.parametrize("more", ["Please try again later.", "We will keep trying to be of help.", ""])
def test_words_of_trying_again_never_beat_an_explicit_refusal(subject: str, more: str) -> None:
    (each,) = notice(
        f"Could not be delivered:\n\n<jane@example.net>: 550 User unknown\n\n{more}", subject=subject
    ).recipients
    assert (each.event, each.permanent, each.suppress) == (Event.BOUNCED, True, True)


def test_boilerplate_beside_a_code_without_a_diagnostic_does_not_save_a_dead_address() -> None:
    groups = b"Final-Recipient: rfc822; jane@example.net\nAction: failed\nStatus: 5.1.1\n"
    raw = bounce(groups).replace(
        b"Not delivered.", b"The mail was not delivered. It may look like spam; see our policy."
    )
    assert [each.suppress for each in read(raw).recipients] == [True]
    full = bounce(groups).replace(b"Not delivered.", b"The mailbox of the recipient is full.")
    assert [each.suppress for each in read(full).recipients] == [False]


# --- whose address --------------------------------------------------------------------------------------------------


def test_original_recipient_of_two_groups_names_both_and_whom_we_wrote_to() -> None:
    fields = (
        b"Original-Recipient: rfc822; jane@example.net\nFinal-Recipient: rfc822; %s\nAction: failed\nStatus: %s\n\n"
    )
    report = read(bounce(fields % (b"ann@fwd.example", b"5.1.1") + fields % (b"bob@fwd.example", b"5.2.2")))
    assert [(each.address, each.suppress, each.original) for each in report.recipients] == [
        ("ann@fwd.example", True, "jane@example.net"),
        ("bob@fwd.example", False, "jane@example.net"),
    ]


@pytest.mark.parametrize(
    "reason",
    [
        "550 5.1.1 The account jane...@example.net is unknown",
        "550 5.7.1 Blocked. Contact helpline@example.org for help",
        "550 5.7.1 Blocked. For further assistance write to unblock@example.org",
        "550 5.7.1 Gesperrt. Bitte wenden Sie sich an hilfe@example.org",
    ],
)
def test_reason_names_nobody_by_an_elided_or_a_contact_address(reason: str) -> None:
    report = notice(f"Your message could not be delivered:\n\n<jane.doe@example.net>:\n{reason}\n")
    assert [each.address for each in report.recipients] == ["jane.doe@example.net"]


@pytest.mark.parametrize(
    "subject",
    [
        "メール送信エラー",
        "送信できませんでした",
        "配送エラー",
        "未送信メール",
        "メール不達のお知らせ",
        "宛先エラー",
        "【エラー】メールが届きませんでした",
    ],
)
def test_japanese_subjects_of_a_postmaster_are_failures(subject: str) -> None:
    words = "以下の宛先へのメールは届きませんでした。\n\njane@example.net\n\n理由: 宛先のユーザーが存在しません"
    (each,) = notice(words, sender="postmaster@mx.example.jp", subject=subject).recipients
    assert (each.address, each.event, each.suppress) == ("jane@example.net", Event.BOUNCED, True)


@pytest.mark.parametrize(
    "sender", ["no-reply@mx.example.net", "donotreply@mx.example.net", "postmaster@mx.example.net"]
)
@pytest.mark.parametrize("subject", ["Message not delivered", "About your message"])
def test_whole_notice_in_one_sentence_is_read_however_it_is_called(sender: str, subject: str) -> None:
    words = "Your message could not be delivered to jane@example.net because the mailbox is full."
    (each,) = notice(words, sender=sender, subject=subject).recipients
    assert (each.address, each.permanent, each.suppress) == ("jane@example.net", False, False)


@pytest.mark.parametrize(
    ("sender", "subject", "words"),
    [
        (
            "no-reply@shop.example",
            "Your order could not be delivered",
            "The parcel for jane@example.net was not delivered.",
        ),
        (
            "noreply@phish.example",
            "Undelivered messages",
            "5 messages wait. Your mailbox jane@example.net is full. Click.",
        ),
        (
            "crew-bounces@lists.example",
            "Bounce action notification",
            "Member: jane@example.net\nReason: fatal bounces.",
        ),
        ("Bob <bob@example.org>", "mail to jane@example.net", "Hi, why do I get 550 5.1.1 user unknown? Thanks"),
    ],
)
def test_other_mail_that_speaks_of_failures_names_nobody(sender: str, subject: str, words: str) -> None:
    raw = f"Return-Path: <someone@else.example>\nFrom: {sender}\nTo: help@acme.com\nSubject: {subject}\n\n{words}\n"
    assert read(raw.encode()).kind == "other"


def test_absence_that_calls_itself_undelivered_is_no_bounce() -> None:
    raw = (
        "From: postmaster@corp.example\nTo: help@acme.com\nSubject: Außer Haus\nAuto-Submitted: auto-replied\n\n"
        "Ich bin nicht im Büro. Ihre Nachricht wurde nicht zugestellt. jane@example.net\n"
    )
    assert read(raw.encode()).kind == "other"


def test_success_in_free_text_is_a_delivery() -> None:
    words = (
        "Your message was successfully delivered to:\n\n<jane@example.net>: delivery via mx.example.net: 250 2.0.0 Ok"
    )
    (each,) = notice(words, subject="Successful Mail Delivery Report").recipients
    assert (each.event, each.permanent) == (Event.DELIVERED, False)
