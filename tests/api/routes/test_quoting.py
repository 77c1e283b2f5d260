"""A reply may quote what it answers: that is reading, and mail of an unproved sender is quoted to nobody unseen."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.db.store import Store
from core.db.tables import BODY, INBOUND_CONTENT, MAILBOX, TAINT
from core.ids import read_id, spell_id
from core.model import Mode
from core.rules import signed_ids
from tests.api.api_client import Visitor, opened
from tests.factories.desk import DOMAIN, KEYRING, WIDE, add_mailbox, issue, make_desk
from tests.factories.inbound import JANE, SERVER, arrive, mail, received

PASS = f"Authentication-Results: {SERVER}; dmarc=pass header.from=example.com\n"
ASKED = "Where is\n<b>my</b> refund?\n\nOn Monday, Help wrote:\n> Earlier."


def arrives(visitor: Visitor, text: str = ASKED, *, more: str = PASS, **named: Any) -> str:
    arrive(visitor.bench, mail(text, more=more, **named))
    return spell_id("m", max(row.id for row in received(visitor.bench.store)))


def reply(visitor: Visitor, one: str, /, **more: Any) -> Any:
    body = {"message_id": one, "text": "Soon.", "quote": True} | more
    return visitor.post("/emails/reply", {name: value for name, value in body.items() if value is not None})


def parts(store: Store) -> tuple[str, str]:
    """Text and HTML of the newest message that an agent submitted."""
    rows = store.rows(select(BODY.c.rendered).order_by(BODY.c.message_id))
    whole = email.message_from_bytes(bytes(rows[-1].rendered), policy=email.policy.default)
    assert isinstance(whole, EmailMessage)
    found = [whole.get_body((kind,)) for kind in ("plain", "html")]
    text, html = ("" if one is None else str(one.get_content()).replace("\r\n", "\n") for one in found)
    return text, html


def test_the_answered_mail_stands_below_the_reply_without_what_it_quotes_itself(store: Store, tmp_path: Path) -> None:
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        one = arrives(agent)
        answer = reply(agent, one, html="<p>Soon.</p>").json()
        text, html = parts(store)
        assert answer["status"] == "queued"
        head, _, intro, *quoted = text.splitlines()
        assert head == "Soon."
        assert intro.startswith("On ")
        assert intro.endswith(f" UTC, {JANE} wrote:")
        assert quoted[:2] == ["> Where is", "> <b>my</b> refund?"]
        assert "Earlier" not in text + html
        assert "Where is<br>\n&lt;b&gt;my&lt;/b&gt; refund?</blockquote>" in html.replace("\r\n", "\n")
        # Without HTML of its own it gets none, and without quote it has only its own words.
        reply(agent, one)
        assert parts(store)[1] == ""
        reply(agent, one, quote=None)
        assert "Where is" not in parts(store)[0]


def test_a_quotation_of_an_unproved_sender_waits_for_a_person(store: Store, tmp_path: Path) -> None:
    """Otherwise whoever forges a sender has the desk sign any text of theirs and carry it to that address."""
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        one = arrives(agent, more="")
        answer = reply(agent, one).json()
        assert (answer["status"], [each["code"] for each in answer["reasons"]]) == ("pending", ["quotes_unproved"])
        assert reply(agent, one, quote=None).json()["status"] == "queued"


def test_quoting_taints_as_reading_the_body_does(store: Store, tmp_path: Path) -> None:
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        one = arrives(agent)
        answer = reply(agent, one, to=["else@elsewhere.example"]).json()
        assert [each["code"] for each in answer["reasons"]] == ["tainted_run"]
        assert [row.inbound_id for row in store.rows(select(TAINT.c.inbound_id))] == [read_id("m", one)]


def test_an_agent_that_may_not_read_may_not_quote(store: Store, tmp_path: Path) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    issue(store, desk.agent_id, secret="pra_other", scopes=["send"])
    with opened(desk, tmp_path) as visitor:
        one = arrives(visitor)
        answer = reply(visitor.using(f"pra_other{desk.agent_id}False"), one)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
        assert store.rows(select(BODY)) == []


def test_in_gated_all_the_read_is_approved_first_and_a_repeated_key_uses_it_once(store: Store, tmp_path: Path) -> None:
    with opened(make_desk(store, mode=Mode.GATED_ALL, **WIDE), tmp_path) as agent:
        one = arrives(agent)
        item = reply(agent, one).json()["action_id"]
        assert agent.operator("alice").post(f"/emails/{item}/decide", {"action": "approve"}).status_code == 200
        body, key = {"message_id": one, "text": "Soon.", "quote": True}, {"Idempotency-Key": "k"}
        first = agent.post("/emails/reply", body, headers=key)
        assert first.json()["message_id"]
        assert agent.post("/emails/reply", body, headers=key).json() == first.json()
        assert len(store.rows(select(BODY))) == 1
        assert "action_id" in reply(agent, one).json()


def test_a_key_of_another_mailbox_of_the_agent_takes_no_quotation_away(store: Store, tmp_path: Path) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    other = f"sales@{DOMAIN}"
    more = {"mode": Mode.AUTONOMOUS, **WIDE}
    store.transact(lambda tx: add_mailbox(tx, agent="sales", address=other, stream=desk.stream_id, **more))
    store.transact(
        lambda tx: tx.write(MAILBOX.update().where(MAILBOX.c.address == other).values(agent_id=desk.agent_id))
    )
    with opened(desk, tmp_path) as agent:
        key = {"Idempotency-Key": "k"}
        sent = {"from": other, "to": [JANE], "subject": "Hi", "text": "Hello."}
        assert agent.post("/emails/send", sent, headers=key).status_code == 202
        one = arrives(agent)
        body = {"message_id": one, "text": "Soon.", "quote": True}
        assert agent.post("/emails/reply", body, headers=key).status_code == 202
        assert "> Where is" in parts(store)[0]


def test_what_cannot_be_quoted_is_refused_with_what_to_do(store: Store, tmp_path: Path) -> None:
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        one = arrives(agent)
        assert reply(agent, one, text=" ").status_code == 422
        sent = reply(agent, one).json()["message_id"]
        mine = reply(agent, sent)
        assert (mine.status_code, mine.json()["errors"][0]["field"]) == (422, "quote")
        store.transact(lambda tx: tx.write(INBOUND_CONTENT.update().values(raw=None, text="", visible="")))
        gone = reply(agent, one)
        assert (gone.status_code, gone.json()["fix"]) == (422, "leave quote out")


def test_a_quotation_is_bounded_has_no_controls_and_holds_nothing_that_proves_feedback(
    store: Store, tmp_path: Path
) -> None:
    path = signed_ids.return_path(7, 0, domain=DOMAIN, keyring=KEYRING)
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        one = arrives(agent, f"a\x0bb\u2028c\x1b[31md {path}\n" + "long line\n" * 10_000)
        reply(agent, one)
        text = parts(store)[0]
    below = text.partition("wrote:\n")[2].rstrip().splitlines()
    assert below[:4] == ["> a", "> b", "> c [31md [mark]@bounces." + DOMAIN, "> long line"]
    assert ("> [...]" in below, len(text) < 60_000) == (True, True)


@pytest.mark.parametrize("rounds", [60])
def test_the_references_of_a_long_thread_stay_bounded(store: Store, tmp_path: Path, rounds: int) -> None:
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        named = " ".join(f"<{n}@example.com>" for n in range(rounds))
        one = arrives(agent, more=f"{PASS}References: {named}\n", message_id="<last@example.com>")
        reply(agent, one)
        rows = store.rows(select(BODY.c.rendered))
    whole = email.message_from_bytes(bytes(rows[-1].rendered), policy=email.policy.default)
    kept = str(whole["References"]).split()
    assert (kept[0], kept[-1], len(kept) <= 21) == ("<0@example.com>", "<last@example.com>", True)
