"""Over HTTP: as issued and as sent, dead letters, a webhook's events, traces by every key; and what no agent writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Table, func, select

from core.db import audit_log
from core.db.store import Store
from core.db.tables import CONSENT, DEAD_HOOK, SUPPRESSION
from core.demo.clock import FakeClock
from core.ids import read_id
from core.model import Actor, Mode
from core.rules import signed_ids
from core.security.encryption import MasterKeys, new_master_key
from core.services.feedback import consents, suppressions
from tests.api.api_client import JSON, Visitor, mail, opened, problem
from tests.factories.delivery import attempt, claim, settle
from tests.factories.desk import ADDRESS, DOMAIN, KEYRING, WIDE, make_desk
from tests.factories.lists import consent_batches

HOOK = "https://hooks.acme.test/x"
BOX = f"/mailboxes/{ADDRESS}"
MASTER = MasterKeys.parse(new_master_key("k1"))


@pytest.fixture
def hooked(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    desk = make_desk(sqlite_store, mode=Mode.AUTONOMOUS, webhook_url=HOOK, webhook_secret=b"sealed", **WIDE)
    with opened(desk, tmp_path) as visitor:
        yield visitor


def give_up(visitor: Visitor, *, seq: int) -> int:
    row = {"mailbox_id": visitor.bench.mailbox_id, "seq": seq, "at": visitor.desk.store.clock.now(), "error": "gone"}
    return visitor.desk.store.transact(lambda tx: tx.create(DEAD_HOOK, row))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/emails/m0000000000000/difference"), ("GET", "/webhooks/dead"), ("POST", "/webhooks/dead/1/replay"),
        ("POST", f"{BOX}/webhook/replay"),
    ],
)  # fmt: skip
def test_an_agents_token_opens_none_of_it(agent: Visitor, method: str, path: str) -> None:
    problem(asyncio.run(agent.ask(method, path)), 403, "insufficient_scope")
    problem(asyncio.run(agent.using(None).ask(method, path)), 401, "unauthenticated")


def test_as_issued_and_as_sent_are_told_apart(hooked: Visitor) -> None:
    sent = hooked.send(to=["jane@example.com"], text="It is on its way.").json()["message_id"]
    found = hooked.operator("alice").get(f"/emails/{sent}/difference").json()
    changed = {one["part"]: one["rule"] for one in found["parts"] if one["change"] != "kept"}
    assert changed["text"] == "disclosure.footer"
    assert changed["header X-Agent-ID"] == "trace"
    assert [(one["address"], one["change"]) for one in found["recipients"]] == [("jane@example.com", "kept")]
    assert len(found["issued_digest"]) == 64
    problem(hooked.operator("alice").get("/emails/m0000000000000/difference"), 404, "not_found")
    problem(hooked.operator("root").get(f"/emails/{sent}/difference"), 403, "forbidden")


def test_dead_letters_are_listed_and_sent_again(hooked: Visitor) -> None:
    alice = hooked.operator("alice")
    assert alice.get("/webhooks/dead").json() == {"dead": []}
    hooked.send()
    number = give_up(hooked, seq=1)
    (dead,) = alice.get("/webhooks/dead", params={"mailbox": ADDRESS}).json()["dead"]
    assert (dead["id"], dead["event"], dead["mailbox"], dead["error"]) == (number, "email.submitted", ADDRESS, "gone")
    assert alice.get("/webhooks/dead", params={"after": number}).json() == {"dead": []}
    problem(hooked.operator("dora").post(f"/webhooks/dead/{number}/replay"), 403, "forbidden")
    assert alice.post(f"/webhooks/dead/{number}/replay").json() == {"replayed": 1}
    for gone in ("77", "x", "9" * 30, "\u0665"):
        problem(alice.post(f"/webhooks/dead/{quote(gone)}/replay"), 404, "not_found")
    give_up(hooked, seq=2)
    assert alice.post(f"{BOX}/webhook/replay").json() == {"replayed": 1}
    problem(alice.post(f"{BOX}/webhook/replay"), 404, "not_found")


def test_a_mailbox_asks_for_its_events_when_it_is_filed_and_later(hooked: Visitor) -> None:
    alice, olive = hooked.operator("alice"), hooked.operator("olive")
    wanted = {"address": f"sales@{DOMAIN}", "approval_webhook": HOOK, "webhook_events": ["email.sent"]}
    assert alice.post("/mailboxes", wanted).json()["webhook_events"] == ["email.sent"]
    problem(alice.post("/mailboxes", wanted | {"webhook_events": ["email.opened"]}), 422, "invalid_request")
    changed = olive.patch(BOX, {"webhook_events": ["email.bounced", "email.sent"], "change_reason": "less"}).json()
    assert changed["webhook_events"] == ["email.bounced", "email.sent"]
    moved = olive.patch(BOX, {"approval_webhook": f"{HOOK}/2", "change_reason": "moved"}).json()
    assert (moved["webhook_events"], "webhook_secret" in moved) == (["email.bounced", "email.sent"], True)
    assert olive.patch(BOX, {"webhook_events": None, "change_reason": "all"}).json()["webhook_events"] is None


def test_a_monitored_mailbox_that_nobody_would_hear_is_refused_over_http(hooked: Visitor) -> None:
    olive, gail = hooked.operator("olive"), hooked.operator("gail")
    asked = {"address": f"night@{DOMAIN}", "oversight_mode": "monitored"}
    problem(olive.post("/mailboxes", asked), 422, "invalid_request")
    deaf = {"approval_webhook": HOOK, "webhook_events": ["email.failed"]}
    problem(olive.post("/mailboxes", asked | deaf), 422, "invalid_request")
    lowered = hooked.operator("alice").patch(BOX, {"oversight_mode": "monitored", "change_reason": "watch"})
    assert lowered.json()["oversight_mode"] == "monitored"
    problem(olive.patch(BOX, {"approval_webhook": None, "change_reason": "off"}), 422, "invalid_request")
    problem(gail.patch(BOX, {"webhook_events": ["email.failed"], "change_reason": "less"}), 422, "invalid_request")


# --- traces -------------------------------------------------------------------------------------------------------


def keys_of(visitor: Visitor) -> dict[str, str]:
    """Everything that a message is found by."""
    store = visitor.desk.store
    answer: JSON = visitor.send(run={"id": "run-9", "user": "ann@acme.test"}).json()
    claimed = claim(store)
    attempt(store, claimed)
    settle(store, claimed, provider_id="0100018f-ses")
    number = read_id("m", answer["message_id"])
    assert number is not None
    return {
        "message": answer["message_id"],
        "Message-ID": answer["rfc_message_id"],
        "a Message-ID as a header": f"Message-ID: {answer['rfc_message_id']}",
        "provider id": "0100018f-ses",
        "return path": signed_ids.return_path(number, 0, domain=DOMAIN, keyring=KEYRING),
        "recipient": "jane@example.com",
        "run": "run-9",
        "agent": "support-bot",
        "user": "ann@acme.test",
    }


def test_the_whole_story_is_found_by_every_key(hooked: Visitor) -> None:
    victor = hooked.operator("alice")
    wanted = keys_of(hooked)
    for kind, key in wanted.items():
        found = victor.get(f"/trace/{quote(key, safe='')}").json()
        assert (found["ours"], wanted["message"] in found["messages"]) == (True, True), kind
        kinds = [step["kind"] for step in found["steps"]]
        assert {"run", "submitted", "decision", "departure"} <= set(kinds), kind
        assert [step["at"] for step in found["steps"]] == sorted(step["at"] for step in found["steps"])


@pytest.mark.parametrize("key", [f"<20260101.abc@{DOMAIN}>", f"ceo@{DOMAIN}", f"<x@mail.{DOMAIN}>"])
def test_mail_with_our_domain_and_without_our_trace_is_not_ours(hooked: Visitor, key: str) -> None:
    found = hooked.operator("alice").get(f"/trace/{quote(key, safe='')}").json()
    assert (found["ours"], found["kind"], found["steps"]) == (False, "stranger", [])
    assert "not ours" in found["verdict"]


# --- what agents never write --------------------------------------------------------------------------------------


def rows(store: Store, table: Table) -> int:
    found = store.row(select(func.count()).select_from(table))
    assert found is not None
    return int(found[0])


def test_no_agent_writes_consent_or_a_suppression_whatever_it_asks(agent: Visitor) -> None:
    paths = set(agent.app.openapi()["paths"])
    named = {path for path in paths if "consent" in path or "suppress" in path}
    assert all(path.startswith("/v1/") for path in named), "these are operations, and operators' alone"
    for path in named:
        assert agent.post(path, {}).status_code == 403
    record = {"subject": "jane@example.com", "basis": "opt_in", "source": "she said so"}
    for path in ("/consent", "/consents", "/suppressions", "/suppress"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert agent.post(path, record, headers={"X-HTTP-Method-Override": method}).status_code == 404
    for more in (
        {"consent": record}, {"metadata": {"consent": record}}, {"tags": ["consent:opt_in"]},
        {"headers": {"X-Consent": "opt_in"}}, {"run": {"id": "r", "tool_call": {"arguments": record}}},
    ):  # fmt: skip
        agent.post("/emails/send", mail(**more))
    assert (rows(agent.desk.store, CONSENT), rows(agent.desk.store, SUPPRESSION)) == (0, 0)
    with agent.desk.store.read() as conn:
        kinds = {entry.event.type for entry in audit_log.read(conn, after=0)}
    assert not kinds & {"consent.recorded", "consent.withdrawn", "suppression.removed"}


def test_an_agent_as_an_actor_is_refused_by_the_verbs_themselves(sqlite_store: Store, clock: FakeClock) -> None:
    make_desk(sqlite_store)
    bot = Actor("agent", "support-bot")
    entry = consents.Entry(subject="jane@example.com", basis="opt_in", source="form")
    [sheet] = consent_batches(["subject,basis,source", "jane@example.com,opt_in,form"])
    gone = suppressions.Entry(address="jane@example.com")
    attempts = (
        lambda tx: consents.add(tx, entry, actor=bot),
        lambda tx: consents.import_batch(tx, sheet, actor=bot),
        lambda tx: consents.withdraw(tx, "jane@example.com", actor=bot),
        lambda tx: suppressions.add(tx, gone, actor=bot),
        lambda tx: suppressions.remove(tx, "jane@example.com", reason="x", actor=bot),
    )
    for verb in attempts:
        with pytest.raises(Exception, match="may not"):
            sqlite_store.transact(verb)
    assert rows(sqlite_store, CONSENT) == 0


def test_automatic_mail_is_not_answered_over_http(hooked: Visitor) -> None:
    asked = mail(in_reply_to="<theirs@example.com>", in_reply_to_headers={"Auto-Submitted": "auto-replied"})
    refused = problem(hooked.post("/emails/send", asked), 403, "action_blocked")
    assert "auto-replied" in refused["reason"]
    first = hooked.send().json()["message_id"]
    reply = {"message_id": first, "text": "Anything else?", "in_reply_to_headers": {"Precedence": "bulk"}}
    problem(hooked.post("/emails/reply", reply), 403, "action_blocked")
    assert hooked.post("/emails/reply", reply | {"in_reply_to_headers": {}}).status_code == 202
