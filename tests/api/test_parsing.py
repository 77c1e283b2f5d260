"""What agents may write in a request and are told of it, to the letter where a client may lean on it."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import json
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from core.db.store import Store
from core.db.tables import BODY
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.model import Mode, Outcome, Reply
from core.services.audit import status
from tests.api.api_client import JSON, Visitor, mail, opened, problem
from tests.factories.delivery import attempt, claim, settle
from tests.factories.desk import ADDRESS, DOMAIN, WIDE, add_mailbox, issue, make_desk

LATER = Reply(Outcome.DEFERRED, 451, "4.3.0", "try again later", "data", "mx.example")


@pytest.fixture
def free(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """The agent of an autonomous mailbox with wide limits."""
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as visitor:
        yield visitor


def rendered_last(visitor: Visitor) -> bytes:
    bodies = visitor.bench.store.rows(BODY.select().order_by(BODY.c.message_id))
    return bytes(bodies[-1].rendered)


def sent_header(visitor: Visitor, answer: httpx.Response, name: str) -> str:
    """A header field of the message as composed, unfolded."""
    bodies = visitor.bench.store.rows(BODY.select().order_by(BODY.c.message_id))
    head: str = bodies[-1].rendered.decode().partition("\r\n\r\n")[0].replace("\r\n ", " ")
    assert answer.status_code == 202, answer.text
    return next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith(f"{name}:"))


# --- who may take mail back ---------------------------------------------------------------------------------------


def test_a_token_that_only_reads_takes_no_mail_back(agent: Visitor) -> None:
    waiting = agent.send().json()["message_id"]
    issue(agent.bench.store, agent.bench.agent_id, secret="pra_reader", scopes=["read"])
    reader = agent.using(f"pra_reader{agent.bench.agent_id}False")
    assert "send" in problem(reader.post(f"/emails/{waiting}/cancel"), 403, "insufficient_scope")["reason"]
    assert agent.get(f"/emails/{waiting}").json()["status"] == "pending"
    assert agent.post(f"/emails/{waiting}/cancel").json()["status"] == "cancelled"


# --- replies ------------------------------------------------------------------------------------------------------


def test_a_reply_takes_every_field_of_a_message(free: Visitor) -> None:
    first = free.send().json()
    body = {"message_id": first["message_id"], "text": "One more thing.", "in_reply_to": None, "references": []}
    assert sent_header(free, free.post("/emails/reply", body), "In-Reply-To") == first["rfc_message_id"]


def test_a_reply_to_all_copies_the_other_recipients_and_never_a_hidden_one(free: Visitor) -> None:
    first = free.send(to=["jane@example.com"], cc=["carl@example.com"], bcc=["eve@example.com"]).json()
    body = {"message_id": first["message_id"], "text": "One more thing.", "cc": ["dan@example.com"]}
    alone = free.post("/emails/reply", body).json()["recipients"]
    assert [one["address"] for one in alone] == ["jane@example.com", "dan@example.com"]
    everyone = free.post("/emails/reply", body | {"all": True}).json()["recipients"]
    assert [one["address"] for one in everyone] == ["jane@example.com", "dan@example.com", "carl@example.com"]


def test_what_a_reply_names_of_its_thread_goes_before_the_message_it_answers(free: Visitor) -> None:
    first = free.send().json()
    body = {
        "message_id": first["message_id"], "text": "One more thing.",
        "references": ["<root@example.com>"], "in_reply_to": "<later@example.com>",
    }  # fmt: skip
    answer = free.post("/emails/reply", body)
    assert sent_header(free, answer, "In-Reply-To") == first["rfc_message_id"]
    named = sent_header(free, answer, "References").split()
    assert named == ["<root@example.com>", "<later@example.com>", first["rfc_message_id"]]


def test_what_is_answered_may_be_named_by_our_own_id(free: Visitor) -> None:
    first = free.send().json()
    answer = free.send(in_reply_to=first["message_id"], references=["<root@example.com>", first["message_id"]])
    assert sent_header(free, answer, "In-Reply-To") == first["rfc_message_id"]
    assert sent_header(free, answer, "References").split() == ["<root@example.com>", first["rfc_message_id"]]


@pytest.mark.parametrize("named", ["m0000000000000", "19c7b7738ee7297f", "<no-at-sign>"])
def test_an_id_that_names_no_mail_is_refused_with_what_to_give(free: Visitor, named: str) -> None:
    refused = problem(free.send(in_reply_to=named), 422, "invalid_request")
    assert refused["errors"][0]["field"] == "in_reply_to"
    assert "Message-ID" in refused["fix"]


def test_a_message_of_another_agent_is_no_message_to_answer(free: Visitor) -> None:
    first = free.send().json()["message_id"]
    address = "billing@support-bot.acme.com"
    agent_id, _ = free.bench.store.transact(
        lambda tx: add_mailbox(tx, agent="billing", address=address, stream=free.bench.stream_id)
    )
    issue(free.bench.store, agent_id)
    refused = free.using(f"pra_test{agent_id}False").send(sender=address, in_reply_to=first)
    assert "in_reply_to" in problem(refused, 422, "invalid_request")["reason"]


def test_references_may_come_as_the_header_spells_them_and_any_number_of_them(free: Visitor) -> None:
    ids = [f"<r{number}@example.com>" for number in range(300)]
    answer = free.send(references=" ".join(ids))
    kept = sent_header(free, answer, "References").split()
    assert kept == [ids[0], *ids[-len(kept) + 1 :]]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"from": "a@b.test", "to": "c@d.test", "subject": "x", "text": "y", "to": "evil@d.test"}', "to"),
        (
            '{"from": "a@b.test", "to": "c@d.test", "subject": "x", "text": "y", "metadata": {"k": {"a": 1, "a": 2}}}',
            "a",
        ),
        ('{"from": "a@b.test", "to": "c@d.test", "subject": "x", "text": "y", "te\\u0078t": "z"}', "text"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_by_name(free: Visitor, body: str, key: str) -> None:
    answer = asyncio.run(free.ask("POST", "/emails/send", content=body))
    refused = problem(answer, 422, "invalid_request")
    assert refused["errors"] == [{"field": key, "problem": "is given twice in one object"}]
    assert key in refused["fix"]


@pytest.mark.parametrize("shown", [{}, {"text": " \n"}, {"text": None, "html": "<p> </p>"}, {"html": "<!-- a -->"}])
def test_a_message_that_shows_nothing_is_refused(free: Visitor, shown: JSON) -> None:
    refused = problem(free.send(**({"text": None} | shown)), 422, "invalid_request")
    assert "text, html or both" in refused["fix"]


def test_html_alone_gets_a_text_part_that_says_the_same(free: Visitor) -> None:
    html = (
        "<style>.x{display:none}</style><h1>Your order</h1><p class=x>secret</p><ul><li>one<li>two</ul>"
        "<p>See <a href='https://acme.test/o/1'>your order</a>.</p>"
    )
    answer = free.send(text=None, html=html)
    assert answer.status_code == 202, answer.text
    message = email.message_from_bytes(rendered_last(free), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    assert (
        body.get_content()
        .replace("\r\n", "\n")
        .startswith("Your order\n\none\ntwo\n\nSee your order. (https://acme.test/o/1)\n")
    )
    assert message.get_body(("html",)) is not None


def test_html_that_may_hide_the_footer_waits_for_a_person_in_every_mode(free: Visitor) -> None:
    held = free.send(html="<style>body{display:none}</style><p>It is on its way.</p>").json()
    assert held["status"] == "pending"
    assert "hide the footer" in str(held["reasons"])
    assert free.send(html="<style>p{margin:0}</style><p>It is on its way.</p>").json()["status"] == "queued"


def test_a_promise_in_a_split_word_or_an_attachment_waits_for_a_person(free: Visitor) -> None:
    file = {"filename": "a.txt", "content_type": "text/plain", "content": "V2Ugd2lsbCByZWZ1bmQgeW91Lg=="}
    for more in (
        {"text": None, "html": "<p>We will re<b></b>fund you.</p>"},
        {"text": None, "html": "<p>We will re<span style='display:none'>x</span>fund you.</p>"},
        {"attachments": [file]},
        {"text": "I've gone ahead and scheduled this for Tuesday."},
        {"text": "Wir erstatten Ihnen den vollen Betrag."},
    ):
        held = free.send(**more).json()
        assert held["status"] == "pending", more
        assert "raised to commitment" in str(held["reasons"])


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.pdf", b"x", "application/pdf"),
        ("photo", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.tar.gz", b"x", "application/gzip"),
        ("notes", b"Hello\n", "text/plain"),
        ("blob", b"\x00\x01", "application/octet-stream"),
        ("a.eml", b"Subject: Hi\n\nHello\n", "message/rfc822"),
        ("REPORT.HTML", b"<p>Hi</p>", "text/html"),
    ],
)
def test_a_type_that_is_left_out_is_guessed(free: Visitor, name: str, content: bytes, kind: str) -> None:
    encoded = base64.b64encode(content).decode()
    answer = free.send(attachments=[{"filename": name, "content": encoded}])
    assert answer.status_code == 202, answer.text
    message = email.message_from_bytes(rendered_last(free), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert [part.get_content_type() for part in message.iter_attachments()] == [kind]


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\n",
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: text.rstrip("="),
    ],
    ids=["lines", "url-safe", "unpadded"],
)
def test_base64_in_any_common_spelling_is_base64(free: Visitor, spell: Callable[[str], str]) -> None:
    content = bytes(range(256)) * 3 + b"\xff"
    file = {"filename": "a.bin", "content": spell(base64.b64encode(content).decode())}
    assert free.send(attachments=[file]).status_code == 202
    message = email.message_from_bytes(rendered_last(free), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert [part.get_content() for part in message.iter_attachments()] == [content]


@pytest.mark.parametrize("text", ["!!!!", "abc\u00e9", "data:image/png;base64,AAAA", "A"])
def test_what_is_no_base64_is_refused_with_what_to_do(free: Visitor, text: str) -> None:
    refused = problem(free.send(attachments=[{"filename": "a", "content": text}]), 422, "invalid_request")
    assert refused["errors"][0]["field"] == "attachments[0].content"
    assert refused["fix"]


def test_an_invitation_needs_no_text_and_waits_for_a_person(free: Visitor) -> None:
    entry = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Tuesday\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    file = {"filename": "invite.ics", "content": base64.b64encode(entry).decode()}
    held = free.send(text=None, attachments=[file]).json()
    assert held["status"] == "pending"
    assert "a calendar invitation" in str(held["reasons"])


@pytest.mark.parametrize("spelled", ["{}", "<{}>"])
def test_a_reply_may_name_the_message_by_the_message_id_we_gave_out(free: Visitor, spelled: str) -> None:
    first = free.send().json()
    named = spelled.format(first["rfc_message_id"].strip("<>"))
    answer = free.post("/emails/reply", {"message_id": named, "text": "One more thing."})
    assert sent_header(free, answer, "In-Reply-To") == first["rfc_message_id"]


def test_a_message_id_of_another_agent_is_nothing_to_reply_to(free: Visitor) -> None:
    bench = free.bench
    first = free.send().json()

    def another(tx: Transaction) -> int:
        return add_mailbox(tx, agent="other", address=f"other@{DOMAIN}", stream=bench.stream_id)[0]

    stranger = bench.store.transact(another)
    issue(bench.store, stranger, secret="pra_other")
    other = free.using(f"pra_other{stranger}False")
    body = {"message_id": first["rfc_message_id"], "text": "Hello."}
    problem(other.post("/emails/reply", body), 404, "not_found")


# --- what waiting tells -------------------------------------------------------------------------------------------


def test_waiting_tells_of_a_deferral_and_when_it_is_tried_again(free: Visitor, clock: FakeClock) -> None:
    async def story() -> httpx.Response:
        committed = asyncio.Event()
        free.desk.writer.listeners.append(committed.set)
        asking = asyncio.create_task(
            free.ask("POST", "/emails/send", json=mail(), headers={"Prefer": "wait=2", "Idempotency-Key": "k-1"})
        )
        await committed.wait()
        claimed = claim(free.bench.store)
        attempt(free.bench.store, claimed)
        settle(free.bench.store, claimed, reply=LATER)
        while not asking.done():
            clock.advance(seconds=3)
            await asyncio.wait([asking], timeout=0.1)
        return await asking

    answer = asyncio.run(story())
    told = answer.json()
    stands = free.get(f"/emails/{told['message_id']}").json()["recipients"][0]
    assert (answer.status_code, told["status"]) == (202, "queued")
    assert told["recipients"] == [
        {"address": "jane@example.com", "status": "deferred", "reason": told["recipients"][0]["reason"]}
    ]
    assert told["departs_at"] == stands["next_at"]
    assert free.send(http={"Idempotency-Key": "k-1"}).content == answer.content


# --- repetitions --------------------------------------------------------------------------------------------------


def spelled(body: JSON) -> tuple[bytes, bytes]:
    """One request in two spellings."""
    return json.dumps(body).encode(), json.dumps(dict(reversed(body.items())), indent=2).encode()


def test_a_key_comes_back_with_its_answer_however_the_json_is_spelled(free: Visitor) -> None:
    one, other = spelled(mail())
    first = free.post("/emails/send", content=one, headers={"Idempotency-Key": "k-1"})
    again = free.post("/emails/send", content=other, headers={"Idempotency-Key": "k-1"})
    assert (again.status_code, again.content) == (202, first.content)


def test_a_key_called_none_does_not_meet_mail_without_one(free: Visitor) -> None:
    async def story() -> tuple[httpx.Response, httpx.Response]:
        return await asyncio.gather(
            free.ask("POST", "/emails/send", json=mail()),
            free.ask("POST", "/emails/send", json=mail(), headers={"Idempotency-Key": "None"}),
        )

    assert [one.status_code for one in asyncio.run(story())] == [202, 202]


# --- refusals -----------------------------------------------------------------------------------------------------


def test_a_mailbox_that_is_not_yours_blocks_every_recipient_as_given(agent: Visitor) -> None:
    store, stream = agent.bench.store, agent.bench.stream_id
    store.transact(lambda tx: add_mailbox(tx, agent="other", address=f"other@{DOMAIN}", stream=stream))
    told = problem(
        agent.send(sender=f"other@{DOMAIN}", to="Jane@Example.com", bcc=["joe@example.com"]), 403, "not_your_mailbox"
    )
    assert told["status"] == "blocked"
    assert [(one["address"], one["status"]) for one in told["recipients"]] == [
        ("Jane@Example.com", "blocked"), ("joe@example.com", "blocked"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/emails/send", "/emails/reply"])
def test_an_operators_token_is_told_the_outcome_of_a_submission(agent: Visitor, path: str) -> None:
    assert problem(agent.operator("gail").post(path, mail()), 403, "insufficient_scope")["status"] == "blocked"


def test_who_is_named_twice_stands_once_in_the_message_and_in_the_answer(free: Visitor) -> None:
    answer = free.send(to=["Jane@Example.com", "joe@example.com", "jane@EXAMPLE.com"], cc=["JOE@example.com"])
    assert [one["address"] for one in answer.json()["recipients"]] == ["Jane@Example.com", "joe@example.com"]
    assert sent_header(free, answer, "To") == "Jane@example.com, joe@example.com"
    with pytest.raises(StopIteration):
        sent_header(free, answer, "Cc")


# --- absent members -----------------------------------------------------------------------------------------------


def test_null_is_no_member_at_all(agent: Visitor) -> None:
    names = ("cc", "bcc", "headers", "attachments", "tags", "metadata", "references", "in_reply_to_headers", "run")
    assert agent.send(**dict.fromkeys(names)).status_code == 202
    assert problem(agent.send(to=None), 422, "invalid_request")["errors"][0]["field"] == "to"


def test_an_unreadable_reply_to_is_named_without_a_number(agent: Visitor) -> None:
    told = problem(agent.send(reply_to="nobody@"), 422, "invalid_request")
    assert [one["field"] for one in told["errors"]] == ["reply_to"]


def test_a_cursor_of_nobody_is_a_malformed_request(agent: Visitor) -> None:
    for path in (f"/mailboxes/{ADDRESS}/messages?cursor=zzz", f"/mailboxes/{ADDRESS}/messages?cursor=m123"):
        told = problem(agent.get(path), 422, "invalid_request")
        assert told["errors"] == [{"field": "cursor", "problem": "is invalid"}]


# --- looking for mail ---------------------------------------------------------------------------------------------


def test_sent_mail_is_searched_in_parts(agent: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BATCH_SIZE": 1, "LARGEST_BATCH": 2, "MOST_LOOKED": 3}.items():
        monkeypatch.setattr(status, name, value)
    sent = [agent.send(subject=f"Number {number}").json()["message_id"] for number in range(7)]
    pages = agent.pages(f"/mailboxes/{ADDRESS}/messages?q=number+1")
    assert [[one["message_id"] for one in page["messages"]] for page in pages] == [[], [sent[1]], []]


@pytest.mark.parametrize("q", ["größe", "GRÖSSE".replace("SS", "ß"), "ößE ä", "50%"])
def test_subjects_are_found_in_any_case_on_both_databases(store: Store, tmp_path: Path, q: str) -> None:
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        wanted = agent.send(subject="Ihre GRÖßE ÄNDERT sich um 50%").json()["message_id"]
        for other in ("Ihre Größe nicht", "50 und mehr", "GRÜßE"):
            agent.send(subject=other)
        found = agent.get(f"/mailboxes/{ADDRESS}/messages", params={"q": q}).json()["messages"]
    assert wanted in [one["message_id"] for one in found]
    assert all(q.lower() in one["subject"].lower() for one in found)
