"""What the gateway made of a tool call, and by which rule: read from the two byte strings that were kept."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from core.db.store import Store
from core.db.tables import BODY, SUPPRESSION
from core.errors import NotFound
from core.ids import read_id
from core.model import ContentClass, Mode
from core.rules.addresses import parse_address
from core.rules.compose import Attachment
from core.rules.policy import Policy
from core.rules.policy.sections import HeldClasses
from core.services.audit.difference import difference
from core.services.sending import review
from core.services.sending.review import Decision
from core.services.sending.submission import RunClaim
from core.views.difference import Difference
from tests.factories.desk import ADDRESS, ALICE, WIDE, Bench, make_desk


def hand_in(desk: Bench, request: dict[str, Any], **more: Any) -> int:
    """Submit what the intake door would have made of this request."""
    asked = {
        "from": ADDRESS,
        "to": ["jane@example.com"],
        "subject": "Your refund",
        "text": "It is on its way.",
    } | request
    answer = desk.submit(
        asked["to"], subject=asked["subject"], text=asked.get("text"), html=asked.get("html"),
        cc=tuple(parse_address(one) for one in asked.get("cc", ())),
        bcc=tuple(parse_address(one) for one in asked.get("bcc", ())), headers=asked.get("headers", {}),
        issued=orjson.dumps(asked), run=more.pop("run", RunClaim("run-1")), **more,
    )  # fmt: skip
    item = read_id("m", answer.message_id or "")
    assert item is not None, answer
    return item


def read(store: Store, item: int) -> Difference:
    with store.read() as conn:
        return difference(conn, item, now=store.clock.now())


def part(found: Difference, name: str) -> tuple[str, str | None]:
    one = next(one for one in found.parts if one.part.lower() == name.lower())
    return one.change, one.rule


def test_headers_the_gateway_adds_name_their_rule(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    found = read(store, hand_in(desk, {"headers": {"X-Ticket": "42"}}))
    assert part(found, "header Message-ID") == ("added", "trace")
    assert part(found, "header Auto-Submitted") == ("added", "auto_submitted")
    assert part(found, "header X-AI-Generated") == ("added", "disclosure.header")
    assert part(found, "header X-Ticket") == ("kept", None)
    assert part(found, "header Subject") == ("kept", None)
    assert part(found, "header DKIM-Signature") == ("added", "signing")


def test_the_footer_is_shown_as_what_was_added_to_text_and_html(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    found = read(store, hand_in(desk, {"text": "Hello\n", "html": "<html><body><p>Hello</p></body></html>"}))
    changed = {one.part: one for one in found.changes if one.part in ("text", "html")}
    assert changed["text"].rule == changed["html"].rule == "disclosure.footer"
    assert changed["text"].after is not None
    assert changed["text"].after.startswith("This message was written by an AI agent")
    assert "Hello" not in changed["text"].after
    assert changed["html"].after is not None
    assert ">This message was written by an AI agent" in changed["html"].after


def test_a_text_part_made_from_html_is_shown_as_added(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    found = read(store, hand_in(desk, {"text": None, "html": "<p>Hello</p>"}))
    assert part(found, "text") == ("added", "text_part")
    assert part(found, "html") == ("changed", "disclosure.footer")


def test_a_suppressed_recipient_is_removed_by_that_rule_and_the_others_stay(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    record = {"address": "bob@example.com", "cause": "complaint", "source": "arf", "added_by": "system", "added_at": 1}
    store.transact(lambda tx: tx.create(SUPPRESSION, record))
    found = read(store, hand_in(desk, {"to": ["jane@example.com", "bob@example.com"]}))
    assert {one.address: (one.change, one.rule) for one in found.recipients} == {
        "jane@example.com": ("kept", None),
        "bob@example.com": ("removed", "suppression"),
    }


def test_bcc_stays_in_the_envelope_and_never_stands_in_the_message(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    found = read(store, hand_in(desk, {"bcc": ["boss@acme.test"]}))
    assert part(found, "header Bcc") == ("removed", "bcc")
    assert next(one for one in found.recipients if one.field == "bcc").change == "kept"


def test_a_recipient_named_twice_gets_one_copy(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    found = read(store, hand_in(desk, {"cc": ["jane@example.com"]}))
    assert [(one.field, one.change, one.rule) for one in found.recipients] == [
        ("to", "kept", None),
        ("cc", "removed", "once"),
    ]


def test_a_rejection_is_the_reviewers_rule(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = hand_in(desk, {})
    store.transact(lambda tx: review.decide(tx, Decision(item, approve=False, reason="wrong sum"), actor=ALICE))
    (one,) = read(store, item).recipients
    assert (one.change, one.rule) == ("removed", "review")
    assert "alice" in one.why
    assert "wrong sum" in one.why


def test_a_raised_class_says_by_which_words(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    asked = {"text": "I guarantee that you will be refunded.", "content_class": "notification"}
    found = read(store, hand_in(desk, asked, content_class=ContentClass.NOTIFICATION))
    one = next(one for one in found.parts if one.part == "class")
    assert (one.change, one.rule, one.after) == ("changed", "class_raised", "commitment")
    assert "guarantee" in one.why


def test_whatever_holds_a_message_its_reviewer_sees_the_words_that_raised_its_class(store: Store) -> None:
    classes = [ContentClass.NOTIFICATION.value, ContentClass.COMMITMENT.value]
    desk = make_desk(store, policy=Policy(classes=HeldClasses(hold=())), classes=classes, **WIDE)
    answer = desk.submit(text="I guarantee that you will be refunded.", content_class=ContentClass.NOTIFICATION)
    assert answer.status == "pending"
    assert answer.reasons[0].code == "mode"
    assert "guarantee" in answer.reasons[1].text


def test_the_display_name_is_the_identitys(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, display_name="Acme Support", **WIDE)
    found = read(store, hand_in(desk, {"from": f"The CEO <{ADDRESS}>"}))
    assert part(found, "header From") == ("changed", "display_name")


def test_attachments_are_compared_by_name_and_type(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    content = base64.b64encode(b"hello").decode()
    listed = [
        {"filename": "a.pdf", "content_type": "application/pdf", "content": content},
        {"filename": "../../b.eml", "content_type": "message/rfc822", "content": content},
    ]
    files = tuple(Attachment(one["filename"], one["content_type"], b"hello") for one in listed)
    found = read(store, hand_in(desk, {"attachments": listed}, attachments=files))
    assert part(found, "attachment 1") == ("kept", None)
    assert part(found, "attachment 2") == ("changed", "attachment")


def test_an_implicit_run_is_the_gateways(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    found = read(store, hand_in(desk, {}, run=RunClaim()))
    assert part(found, "run") == ("added", "run")


def test_what_retention_purged_leaves_its_digest_and_its_recipients(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = hand_in(desk, {})
    store.transact(lambda tx: tx.write(update(BODY).values(rendered=None, issued=None)))
    found = read(store, item)
    assert found.purged
    assert len(found.digest) == 64
    assert [one.address for one in found.recipients] == ["jane@example.com"]
    assert orjson.dumps(found.as_json())


@pytest.mark.parametrize("issued", [b"not json", b"[]", b"7", b'{"to": 7, "headers": [], "run": "x"}'])
def test_a_request_of_any_shape_is_explained_as_far_as_it_goes(store: Store, issued: bytes) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = read_id("m", desk.submit(issued=issued).message_id or "") or 0
    assert read(store, item).parts


@pytest.mark.parametrize(
    "header",
    [
        b'To: [@click=x][/] [/b] "\x1b]0;owned\x07" [link=https://evil.example]\r\n', b"To: <>,;:@[\r\n",
        b"From: =?utf-8?q?\xff?= <\r\n", b"Subject: =?x-none?b?////?=\r\n", b"To: .\r\n", b"Content-Type: ;;;\r\n",
        b"Content-Disposition: attachment; filename*=x''%ff\r\n", b"Message-ID: [\r\n", b"Date: never\r\n",
    ],
)  # fmt: skip
def test_bytes_that_were_altered_are_explained_however_broken_their_headers(store: Store, header: bytes) -> None:
    item = read_id("m", make_desk(store, mode=Mode.AUTONOMOUS, **WIDE).submit().message_id or "") or 0
    store.transact(lambda tx: tx.write(update(BODY).values(rendered=header + b"\r\nwords\r\n")))
    name = header.partition(b":")[0].decode()
    assert f"header {name}" in {one.part for one in read(store, item).parts}


def test_a_message_that_is_not_there_has_no_difference(store: Store) -> None:
    make_desk(store)
    with pytest.raises(NotFound):
        read(store, 7)
