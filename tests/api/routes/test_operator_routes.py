"""What operators do over HTTP beside deciding: mailboxes, vetoes, tokens, and mail that they take back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from core.db import audit_log
from core.db.store import Store
from core.db.tables import MAILBOX
from core.demo.clock import FakeClock
from core.durations import HOUR, stamp
from core.events import Event
from core.model import Mode
from tests.api.api_client import JSON, Visitor, opened, problem
from tests.factories.desk import ADDRESS, DOMAIN, WIDE, make_desk

NEW = f"new@{DOMAIN}"
RECORD: JSON = {
    "agent": "sales-bot", "purpose": "answers quotes", "owner": "olive", "system_owner": "sales",
    "systems": ["crm", "quotes"], "revoke_when": "the pilot ends", "expires": "90d",
}  # fmt: skip


@pytest.fixture
def alice(agent: Visitor) -> Visitor:
    """A reviewer who is on call."""
    return agent.operator("alice")


@pytest.fixture
def free(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """An agent whose mail no person sees first."""
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as visitor:
        yield visitor


def events(visitor: Visitor, *kinds: str) -> list[Event]:
    with visitor.bench.store.read() as conn:
        return [entry.event for entry in audit_log.read(conn, after=0) if entry.event.type in kinds]


# --- mailboxes ----------------------------------------------------------------------------------------------------


def test_who_asks_for_a_mailbox_is_told_who_must_sign(alice: Visitor) -> None:
    told = alice.post("/mailboxes", {"address": NEW, **RECORD}).json()
    assert told["missing"] == []
    assert told["must_sign"] == [
        {"kind": "owner", "may": ["olive"]},
        {"kind": "governance", "may": ["gail"]},
        {"kind": "deliverability", "may": ["dora"]},
    ]
    assert told["stuck"] is None


def test_who_asks_is_not_among_those_who_can_sign(agent: Visitor) -> None:
    told = agent.operator("dora").post("/mailboxes", {"address": NEW}).json()
    assert {"kind": "deliverability", "may": []} in told["must_sign"]
    assert told["stuck"] == "no operator of this desk can sign as deliverability"


def test_a_mailbox_that_only_reads_needs_no_deliverability(alice: Visitor) -> None:
    told = alice.post("/mailboxes", {"address": NEW, "oversight_mode": "read_only"}).json()
    assert [one["kind"] for one in told["must_sign"]] == ["owner", "governance"]


def test_operators_list_mailboxes_page_by_page(alice: Visitor) -> None:
    asked = [f"box{n}@{DOMAIN}" for n in range(3)]
    for address in asked:
        alice.post("/mailboxes", {"address": address, **RECORD})
    first = alice.get("/mailboxes?status=requested&limit=2").json()
    assert [one["address"] for one in first["mailboxes"]] == asked[:2]
    second = alice.get(f"/mailboxes?status=requested&limit=2&cursor={first['next_cursor']}").json()
    assert ([one["address"] for one in second["mailboxes"]], second["next_cursor"]) == (asked[2:], None)
    [active] = alice.get("/mailboxes?agent=support-bot").json()["mailboxes"]
    assert (active["address"], active["status"], active["missing"]) == (ADDRESS, "active", [])
    problem(alice.get("/mailboxes?status=nonsense"), 422, "invalid_request")
    problem(alice.get("/mailboxes?agent=%00"), 422, "invalid_request")


def test_one_of_the_three_says_no_with_a_reason(alice: Visitor) -> None:
    alice.post("/mailboxes", {"address": NEW, **RECORD})
    no = {"kind": "deliverability", "reason": "a subdomain of its own first"}
    problem(alice.post(f"/mailboxes/{NEW}/veto", no), 403, "forbidden")
    dora = alice.operator("dora")
    problem(dora.post(f"/mailboxes/{NEW}/veto", no | {"reason": " "}), 422, "invalid_request")
    told = dora.post(f"/mailboxes/{NEW}/veto", no).json()
    assert (told["status"], told["must_sign"]) == ("vetoed", [])
    assert [(one["kind"], one["operator"], one["approved"]) for one in told["signoffs"]] == [
        ("deliverability", "dora", False)
    ]
    assert [event.data() for event in events(alice, "mailbox.vetoed")] == [
        {"kind": "deliverability", "reason": no["reason"], "widening": None}
    ]
    problem(dora.post(f"/mailboxes/{NEW}/veto", no), 409, "conflict")
    problem(dora.post(f"/mailboxes/nobody@{DOMAIN}/veto", no), 404, "not_found")


def test_a_signer_is_shown_the_checklist_and_signs_it_whole(alice: Visitor) -> None:
    alice.post("/mailboxes", {"address": NEW, **RECORD})
    olive = alice.operator("olive")
    sheet = olive.get(f"/mailboxes/{NEW}/checklist?kind=owner").json()
    assert [one["item"] for one in sheet["checklist"]] == ["purpose", "systems", "users", "standing_identity"]
    told = problem(olive.post(f"/mailboxes/{NEW}/approve", {"kind": "owner", "affirm": ["purpose"]}), 409, "checklist")
    assert (told["open"], told["found_false"]) == (["systems", "users", "standing_identity"], [])
    yes = {"kind": "owner", "affirm": "all", "digest": sheet["shown_digest"]}
    signed = olive.post(f"/mailboxes/{NEW}/approve", yes).json()
    assert [one["kind"] for one in signed["must_sign"]] == ["governance", "deliverability"]
    [event] = events(alice, "mailbox.owner_approved")
    assert (event.actor, event.data()["shown_digest"]) == ("olive", sheet["shown_digest"])


def test_what_the_desk_found_false_takes_a_reason_of_its_own(alice: Visitor) -> None:
    alice.post("/mailboxes", {"address": NEW, **RECORD})
    dora = alice.operator("dora")
    yes: JSON = {"kind": "deliverability", "affirm": "all"}
    told = problem(dora.post(f"/mailboxes/{NEW}/approve", yes), 409, "checklist")
    assert "keys_published" in told["found_false"]  # this stream has no keys at all
    yes |= {"override": dict.fromkeys(told["found_false"], "the keys come tomorrow")}
    assert dora.post(f"/mailboxes/{NEW}/approve", yes).status_code == 200
    [event] = events(alice, "mailbox.signed_off")
    assert "keys_published" in str(event.data()["reasons"])


def test_nobody_signs_without_the_role_or_another_record_than_they_were_shown(alice: Visitor) -> None:
    alice.post("/mailboxes", {"address": NEW, **RECORD})
    yes: JSON = {"kind": "owner", "affirm": "all"}
    path = f"/mailboxes/{NEW}/approve"
    for who in ("alice", "gail", "root"):
        problem(alice.operator(who).post(path, yes), 403, "forbidden")
    olive = alice.operator("olive")
    problem(olive.post(path, yes | {"affirm": ["nonsense"]}), 422, "invalid_request")
    problem(olive.post(path, yes | {"digest": "0" * 64}), 409, "conflict")
    problem(olive.post(f"/mailboxes/nobody@{DOMAIN}/approve", yes), 404, "not_found")
    assert events(alice, "mailbox.owner_approved") == []


# --- tokens -------------------------------------------------------------------------------------------------------


def test_governance_issues_a_token_that_works_until_somebody_revokes_it(agent: Visitor) -> None:
    gail, alice = agent.operator("gail"), agent.operator("alice")
    answer = gail.post("/tokens", {"agent": "support-bot", "ttl": "1h", "scopes": ["send"], "run": "run-9"})
    assert answer.status_code == 201
    token = answer.json()
    assert (token["agent"], token["scopes"], token["run"]) == ("support-bot", ["send"], "run-9")
    bearer = agent.using(token["token"])
    assert bearer.send().status_code == 202
    problem(bearer.get(f"/mailboxes/{ADDRESS}/messages"), 403, "insufficient_scope")
    ended = alice.post(f"/tokens/{token['id']}/revoke", {"reason": "it leaked"})
    assert ended.json() == {"id": token["id"], "revoked": 1}
    problem(bearer.get(f"/mailboxes/{ADDRESS}"), 401, "unauthenticated")
    problem(alice.post(f"/tokens/{token['id']}/revoke", {"reason": "again"}), 409, "conflict")
    problem(alice.post("/tokens/999/revoke", {"reason": "who"}), 404, "not_found")
    problem(alice.post("/tokens/nonsense/revoke", {"reason": "who"}), 422, "invalid_request")


def test_only_governance_issues_tokens_and_the_log_says_who(agent: Visitor) -> None:
    problem(agent.operator("alice").post("/tokens", {"agent": "support-bot"}), 403, "forbidden")
    problem(agent.operator("gail").post("/tokens", {"agent": "nobody"}), 404, "not_found")
    problem(agent.operator("gail").post("/tokens", {"agent": "support-bot", "ttl": "1y"}), 422, "invalid_request")
    assert events(agent, "token.issued") == []
    agent.operator("gail").post("/tokens", {"agent": "support-bot"})
    assert [event.actor for event in events(agent, "token.issued")] == ["gail"]


def test_the_list_of_tokens_holds_no_secret(agent: Visitor) -> None:
    gail = agent.operator("gail")
    issued = [gail.post("/tokens", {"agent": "support-bot"}).json() for _ in range(3)]
    page = gail.get("/tokens?agent=support-bot&limit=2")
    assert [one["id"] for one in page.json()["tokens"]] == [issued[2]["id"], issued[1]["id"]]
    assert not any(one["token"] in page.text for one in issued)
    rest = gail.get(f"/tokens?agent=support-bot&cursor={page.json()['next_cursor']}").json()
    assert rest["tokens"][0]["id"] == issued[0]["id"]
    assert rest["next_cursor"] is None


# --- cancelling ---------------------------------------------------------------------------------------------------


def test_an_operator_takes_mail_back_and_the_log_says_why(agent: Visitor, alice: Visitor) -> None:
    sent = agent.send().json()["message_id"]
    told = alice.post(f"/emails/{sent}/cancel", {"reason": "wrong customer"}).json()
    assert told["status"] == "cancelled"
    [event] = events(alice, "email.cancelled")
    assert (event.actor, event.data()["reason"]) == ("alice", "wrong customer")
    problem(alice.post(f"/emails/{sent}/cancel"), 409, "conflict")
    problem(alice.post("/emails/m0000000000000/cancel"), 404, "not_found")


def test_an_admin_takes_no_mail_back(agent: Visitor) -> None:
    sent = agent.send().json()["message_id"]
    problem(agent.operator("root").post(f"/emails/{sent}/cancel", {"reason": "hm"}), 403, "forbidden")
    assert agent.get(f"/emails/{sent}").json()["status"] == "pending"


# --- read-only ----------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """An agent whose mailbox is read_only."""
    with opened(make_desk(sqlite_store, mode=Mode.READ_ONLY), tmp_path) as visitor:
        yield visitor


@pytest.mark.parametrize("scopes", [["send", "read"], ["read"]])
def test_read_only_is_told_before_a_scope_that_lacks(reader: Visitor, scopes: list[str]) -> None:
    issued = reader.operator("gail").post("/tokens", {"agent": "support-bot", "scopes": scopes}).json()
    told = problem(reader.using(issued["token"]).send(), 403, "action_blocked")
    assert (told["status"], told["reason"]) == ("blocked", "oversight_mode is read_only")
    blocked = events(reader, "email.blocked")
    assert [event.data()["error"] for event in blocked] == ["action_blocked"]


def test_read_only_is_told_before_what_the_message_lacks(reader: Visitor) -> None:
    told = problem(reader.send(text=None), 403, "action_blocked")
    assert [one["address"] for one in told["recipients"]] == ["jane@example.com"]


def test_a_message_that_lacks_a_body_is_not_sent_where_the_mode_was_raised_a_moment_ago(reader: Visitor) -> None:
    problem(reader.send(), 403, "action_blocked")  # the door remembers the mode for a second
    reader.bench.store.transact(lambda tx: tx.write(update(MAILBOX).values(mode=Mode.AUTONOMOUS.value)))
    told = problem(reader.send(text=None), 422, "invalid_request")
    assert told["errors"][0]["field"] == "text"
    assert reader.send().status_code == 202


def test_a_token_that_only_reads_lacks_the_scope_where_the_mode_lets_mail_leave(agent: Visitor) -> None:
    issued = agent.operator("gail").post("/tokens", {"agent": "support-bot", "scopes": ["read"]}).json()
    problem(agent.using(issued["token"]).send(), 403, "insufficient_scope")


# --- send_at ------------------------------------------------------------------------------------------------------


def test_scheduled_mail_is_202_with_its_time_and_is_cancelled_until_then(free: Visitor, clock: FakeClock) -> None:
    at = stamp(clock.now() + HOUR)
    answer = free.send(send_at=at)
    told = answer.json()
    assert answer.status_code == 202
    assert (told["status"], told["send_at"], told["departs_at"]) == ("scheduled", at, at)
    assert told["recipients"] == [{"address": "jane@example.com", "status": "scheduled", "reason": None}]
    stands = free.get(f"/emails/{told['message_id']}").json()
    assert (stands["status"], stands["send_at"], stands["departs_at"]) == ("scheduled", at, at)
    assert free.post(f"/emails/{told['message_id']}/cancel").json()["status"] == "cancelled"


def test_a_reply_is_scheduled_as_well(free: Visitor, clock: FakeClock) -> None:
    first = free.send().json()
    at = stamp(clock.now() + HOUR)
    body = {"message_id": first["message_id"], "text": "And one more thing.", "send_at": at}
    told = free.post("/emails/reply", body, headers={"Prefer": "wait=1"}).json()
    assert (told["status"], told["send_at"]) == ("scheduled", at)


def test_who_reviews_scheduled_mail_sees_its_time(agent: Visitor, clock: FakeClock) -> None:
    at = stamp(clock.now() + HOUR)
    told = agent.send(send_at=at).json()
    assert (told["status"], told["send_at"]) == ("pending", at)
    [item] = agent.operator("alice").get(f"/mailboxes/{ADDRESS}/pending").json()["messages"]
    assert item["send_at"] == at
    agent.operator("alice").post(f"/emails/{item['id']}/decide", {"action": "approve"})
    assert agent.get(f"/emails/{item['id']}").json()["status"] == "scheduled"


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-01-31T12:00:00", "tomorrow", "12:00Z", "", "2026-02-30T00:00:00Z", "1700000000"]
)
def test_a_time_without_its_offset_is_refused_with_its_field(free: Visitor, text: str) -> None:
    told = problem(free.send(send_at=text), 422, "invalid_request")
    assert [one["field"] for one in told["errors"]] == ["send_at"]
    assert "Z" in told["fix"]


@pytest.mark.parametrize("offset", ["+01:00", "-11:30", "Z", "z"])
def test_a_time_is_read_with_its_offset(free: Visitor, clock: FakeClock, offset: str) -> None:
    shown = stamp(clock.now() + 24 * HOUR)[:19]
    minutes = {"+01:00": -60, "-11:30": 690}.get(offset, 0)
    told = free.send(send_at=f"{shown}{offset}").json()
    at = (clock.now() + 24 * HOUR) // 1_000_000 * 1_000_000 + minutes * 60_000_000
    assert told["send_at"] == stamp(at)


def test_metrics_count_what_is_scheduled(free: Visitor, clock: FakeClock) -> None:
    free.send(send_at=stamp(clock.now() + HOUR))
    assert "postroom_scheduled 1.0" in free.operator("alice").get("/metrics").text
