"""Operators over HTTP, to the letter of the contract, and an agent's token that opens none of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select, update

from core.db import audit_log
from core.db import directory as db_directory
from core.db.store import Store
from core.db.tables import OPERATOR, RUN, SIGNOFF
from core.demo.clock import FakeClock
from core.events import Event
from core.model import Mode
from core.security.encryption import MasterKeys
from core.services.sending.submission import RunClaim
from tests.api.api_client import JSON, Visitor, opened, problem
from tests.factories.desk import ADDRESS, DOMAIN, make_desk

PENDING = f"/mailboxes/{ADDRESS}/pending"
BOX = f"/mailboxes/{ADDRESS}"


@pytest.fixture
def alice(agent: Visitor) -> Visitor:
    """A reviewer who is on call."""
    return agent.operator("alice")


@contextmanager
def desk_in(store: Store, directory: Path, **desk: Any) -> Iterator[Visitor]:
    with opened(make_desk(store, **desk), directory) as visitor:
        yield visitor


def events(visitor: Visitor, *kinds: str) -> list[Event]:
    with visitor.bench.store.read() as conn:
        return [entry.event for entry in audit_log.read(conn, after=0) if entry.event.type in kinds]


# --- an agent's token ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PENDING),
        ("POST", "/emails/m0000000000000/decide"),
        ("POST", "/mailboxes"),
        ("PATCH", BOX),
        ("GET", "/audit"),
        ("POST", "/runs/run-1/confirm"),
        ("GET", "/trace/support-bot"),
        ("POST", "/agents/support-bot/suspend"),
        ("POST", "/agents/support-bot/resume"),
        ("POST", "/desk/stop"),
        ("POST", "/desk/start"),
    ],
)
def test_agents_token_opens_no_operators_route(agent: Visitor, method: str, path: str) -> None:
    problem(asyncio.run(agent.ask(method, path, json={})), 403, "insufficient_scope")
    problem(asyncio.run(agent.using(None).ask(method, path, json={})), 401, "unauthenticated")


def test_disabled_operator_is_nobody(agent: Visitor) -> None:
    agent.bench.store.transact(
        lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "alice").values(disabled_at=tx.now))
    )
    problem(agent.operator("alice").get(PENDING), 401, "unauthenticated")


# --- pending and decide -------------------------------------------------------------------------------------------


def test_pending_lists_what_waits_with_all_that_a_reviewer_needs(agent: Visitor, alice: Visitor) -> None:
    sent = agent.send(cc=["joe@example.com"]).json()
    page = alice.get(PENDING).json()
    (item,) = page["messages"]
    assert page["next_cursor"] is None
    assert item["id"] == sent["message_id"]
    assert (item["kind"], item["subject"]) == ("send", "Your refund")
    assert item["to"] == ["jane@example.com", "joe@example.com"]
    assert "on its way" in item["body_preview"]
    assert item["reasons"][0]["code"] == "mode"
    assert item["expires_at"] == sent["expires_at"]
    assert len(item["digest"]) == 64


def test_pages_follow_each_other_without_a_gap(agent: Visitor, alice: Visitor) -> None:
    sent = [agent.send(to=f"r{i}@example.com").json()["message_id"] for i in range(53)]
    first = alice.get(PENDING).json()
    second = alice.get(f"{PENDING}?cursor={first['next_cursor']}").json()
    assert [one["id"] for one in (*first["messages"], *second["messages"])] == sent
    assert second["next_cursor"] is None
    problem(alice.get(f"{PENDING}?cursor=nonsense"), 422, "invalid_request")


def test_admin_reads_no_mail_and_unknown_mailboxes_are_404(agent: Visitor) -> None:
    problem(agent.operator("root").get(PENDING), 403, "forbidden")
    problem(agent.operator("alice").get(f"/mailboxes/nobody@{DOMAIN}/pending"), 404, "not_found")
    problem(agent.operator("alice").get("/mailboxes/nonsense/pending"), 404, "not_found")


def test_approved_mail_is_queued_at_once(agent: Visitor, alice: Visitor) -> None:
    message = agent.send().json()["message_id"]
    digest = alice.get(PENDING).json()["messages"][0]["digest"]
    answer = alice.post(f"/emails/{message}/decide", {"action": "approve", "reason": None, "digest": digest})
    assert answer.status_code == 200
    assert answer.json() | {"id": message, "item": message, "status": "approved", "decided": True} == answer.json()
    assert agent.get(f"/emails/{message}").json()["status"] == "queued"


def test_approving_faster_than_anyone_can_read_is_said_in_the_answer(agent: Visitor, alice: Visitor) -> None:
    sent = [agent.send(to=f"r{n}@example.com").json()["message_id"] for n in range(21)]
    told = [alice.post(f"/emails/{one}/decide", {"action": "approve"}).json()["hurried"] for one in sent]
    assert told == [None] * 20 + ["alice approved 21 in a minute"]


def test_rejected_mail_tells_its_agent_why(agent: Visitor, alice: Visitor) -> None:
    message = agent.send().json()["message_id"]
    assert alice.post(f"/emails/{message}/decide", {"action": "reject", "reason": "wrong sum"}).status_code == 200
    told = agent.get(f"/emails/{message}").json()
    assert (told["status"], told["decision"]["reason"]) == ("rejected", "wrong sum")


def test_second_decision_is_a_conflict_and_changes_nothing(agent: Visitor, alice: Visitor) -> None:
    message = agent.send().json()["message_id"]
    alice.post(f"/emails/{message}/decide", {"action": "approve"})
    problem(alice.post(f"/emails/{message}/decide", {"action": "reject"}), 409, "conflict")
    assert agent.get(f"/emails/{message}").json()["status"] == "queued"


def test_other_digest_is_a_conflict_and_leaves_it_pending(agent: Visitor, alice: Visitor) -> None:
    message = agent.send().json()["message_id"]
    problem(alice.post(f"/emails/{message}/decide", {"action": "approve", "digest": "00"}), 409, "conflict")
    assert agent.get(f"/emails/{message}").json()["status"] == "pending"


def test_expired_item_is_a_conflict(agent: Visitor, alice: Visitor, clock: FakeClock) -> None:
    message = agent.send().json()["message_id"]
    clock.advance(seconds=72 * 3600)
    problem(alice.post(f"/emails/{message}/decide", {"action": "approve"}), 409, "conflict")


def test_decision_asks_for_the_role_a_known_item_and_a_known_action(agent: Visitor, alice: Visitor) -> None:
    message = agent.send().json()["message_id"]
    problem(agent.operator("gail").post(f"/emails/{message}/decide", {"action": "approve"}), 403, "forbidden")
    problem(alice.post("/emails/m0000000000000/decide", {"action": "approve"}), 404, "not_found")
    problem(alice.post("/emails/nonsense/decide", {"action": "approve"}), 404, "not_found")
    problem(alice.post(f"/emails/{message}/decide", {"action": "burn"}), 422, "invalid_request")
    problem(alice.post(f"/emails/{message}/decide", {"action": "approve", "delay": 5}), 422, "invalid_request")


def test_of_two_decisions_at_once_one_holds(agent: Visitor, alice: Visitor) -> None:
    message = agent.send().json()["message_id"]

    async def story() -> list[httpx.Response]:
        path = f"/emails/{message}/decide"
        asked = [
            visitor.ask("POST", path, json={"action": action})
            for visitor, action in ((alice, "approve"), (agent.operator("bob"), "reject"))
        ]
        return list(await asyncio.gather(*asked))

    assert sorted(answer.status_code for answer in asyncio.run(story())) == [200, 409]
    assert len(events(agent, "email.approved", "email.rejected")) == 1


def test_held_action_is_decided_by_its_own_id(sqlite_store: Store, tmp_path: Path) -> None:
    with desk_in(sqlite_store, tmp_path, mode=Mode.GATED_ALL) as agent:
        action = agent.get(f"{BOX}/messages").json()["action_id"]
        answer = agent.operator("alice").post(f"/emails/{action}/decide", {"action": "approve"})
        assert answer.json()["status"] == "approved"
        assert agent.get(f"{BOX}/messages").status_code == 200


# --- identities ---------------------------------------------------------------------------------------------------

NEW = f"new@{DOMAIN}"
RECORD: JSON = {
    "agent": "sales-bot", "purpose": "answers quotes", "owner": "olive", "system_owner": "sales",
    "systems": ["crm", "quotes"], "revoke_when": "the pilot ends", "expires": "90d",
}  # fmt: skip


def test_identity_request_is_202_and_lists_what_is_missing(alice: Visitor) -> None:
    answer = alice.post("/mailboxes", {"address": NEW, "agent": "sales-bot"})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["status"], told["oversight_mode"], told["pending_expiry"]) == ("requested", "gated_send", "72h")
    assert told["missing"] == ["purpose", "owner", "system_owner", "systems", "revoke_when", "expires"]


def test_requester_fills_the_record_by_patch(alice: Visitor) -> None:
    alice.post("/mailboxes", {"address": NEW, "agent": "sales-bot"})
    told = alice.patch(f"/mailboxes/{NEW}", RECORD).json()
    assert told["missing"] == []
    assert (told["systems"], told["owner"]) == ("crm, quotes", "olive")
    problem(alice.operator("bob").patch(f"/mailboxes/{NEW}", {"purpose": "other"}), 409, "conflict")


def test_complete_request_keeps_every_member(alice: Visitor) -> None:
    more = {"oversight_mode": "gated_all", "pending_expiry": "24h", "display_name": "Sales", "allow": ["acme.test"]}
    told = alice.post("/mailboxes", {"address": NEW, **RECORD, **more, "limits": {"hour": 5}}).json()
    assert told["missing"] == []
    assert {name: told[name] for name in more} == more | {"allow": ["*@acme.test"]}
    assert told["limits"]["hour"] == 5


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("address", "nonsense"),
        ("pending_expiry", "59m"),
        ("pending_expiry", "31d"),
        ("pending_expiry", "soon"),
        ("oversight_mode", "free"),
        ("expires", "99999w"),
        ("expires", "whenever"),
        ("approval_webhook", "http://127.0.0.1/hook"),
        ("approval_webhook", "ftp://hooks.example"),
        ("limits", {"hour": -1}),
        ("limits", {"week": 1}),
        ("allow", ["a*b"]),
        ("display_name", "Sales\r\nBcc: spy@evil.test"),
        ("budget", 7),
    ],
)
def test_bad_member_of_a_request_is_422(alice: Visitor, member: str, value: object) -> None:
    problem(alice.post("/mailboxes", {"address": NEW, member: value}), 422, "invalid_request")
    with alice.bench.store.read() as conn:
        assert db_directory.mailbox(conn, NEW) is None


def test_address_that_is_taken_is_a_conflict_and_unknown_streams_are_404(alice: Visitor) -> None:
    problem(alice.post("/mailboxes", {"address": ADDRESS}), 409, "conflict")
    problem(alice.post("/mailboxes", {"address": "new@elsewhere.test"}), 404, "not_found")


def test_webhooks_secret_is_shown_once_and_kept_sealed(alice: Visitor) -> None:
    told = alice.post("/mailboxes", {"address": NEW, "approval_webhook": "https://hooks.example/x"}).json()
    assert told["webhook_secret"].startswith("whsec_")
    with alice.bench.store.read() as conn:
        record = db_directory.mailbox(conn, NEW)
    assert record is not None
    assert record.webhook_secret is not None
    keys = MasterKeys.parse(alice.settings.master_key.read_text())
    assert keys.open(record.webhook_secret, about=f"webhook:{NEW}").decode() == told["webhook_secret"]
    again = alice.patch(f"/mailboxes/{NEW}", {"purpose": "x", "approval_webhook": "https://hooks.example/x"}).json()
    assert "webhook_secret" not in again


def test_mode_needs_a_reason_and_answers_the_mailbox(alice: Visitor, clock: FakeClock) -> None:
    told = problem(alice.patch(BOX, {"oversight_mode": "read_only"}), 422, "invalid_request")
    assert told["errors"][0]["field"] == "change_reason"
    clock.advance(seconds=60)
    answer = alice.patch(BOX, {"oversight_mode": "read_only", "change_reason": "an incident"})
    assert answer.status_code == 200
    assert answer.json()["oversight_mode"] == "read_only"
    assert answer.json()["updated_at"] == "2026-01-05T04:01:00.000Z"
    (event,) = events(alice, "mailbox.mode_changed")
    assert event.data() == {"old": "gated_send", "new": "read_only", "reason": "an incident"}


def test_pending_messages_survive_a_change_of_mode(agent: Visitor, alice: Visitor) -> None:
    message = agent.send().json()["message_id"]
    alice.patch(BOX, {"oversight_mode": "read_only", "change_reason": "an incident"})
    assert [one["id"] for one in alice.get(PENDING).json()["messages"]] == [message]


def sign_for_sending(visitor: Visitor) -> None:
    """The third signature, as `make_desk` leaves none."""
    visitor.bench.store.transact(
        lambda tx: [
            tx.create(
                SIGNOFF,
                {
                    "mailbox_id": visitor.bench.mailbox_id, "kind": kind, "operator": who, "approved": True,
                    "checklist": {}, "reason": None, "at": tx.now,
                },
            )
            for kind, who in (("owner", "olive"), ("governance", "gail"), ("deliverability", "dora"))
        ]
    )  # fmt: skip


def test_mode_rises_by_governance_one_rung_at_a_time(agent: Visitor, alice: Visitor) -> None:
    gail = agent.operator("gail")
    sign_for_sending(agent)
    up = {"oversight_mode": "monitored", "change_reason": "thirty good days"}
    problem(alice.patch(BOX, up), 403, "forbidden")
    problem(gail.patch(BOX, up | {"oversight_mode": "autonomous"}), 409, "conflict")
    problem(gail.patch(BOX, up), 422, "invalid_request")
    answer = gail.patch(BOX, up | {"approval_webhook": "https://hooks.example/x"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["oversight_mode"] == "monitored"
    at_once = problem(gail.patch(BOX, up | {"oversight_mode": "autonomous"}), 409, "conflict")
    assert "between two raises" in at_once["reason"]
    assert at_once["fix"].startswith("raise it from 2")


def test_several_changes_hold_together_or_not_at_all(agent: Visitor) -> None:
    gail = agent.operator("gail")
    problem(gail.patch(BOX, {"pending_expiry": "24h", "allow": ["a*b"], "change_reason": "x"}), 422, "invalid_request")
    problem(
        gail.patch(BOX, {"pending_expiry": "24h", "oversight_mode": "autonomous", "change_reason": "x"}),
        409, "conflict",
    )  # fmt: skip
    assert gail.get(BOX).json()["pending_expiry"] == "72h"
    assert events(agent, "mailbox.limits_changed", "mailbox.mode_changed") == []


def test_expiry_changes_without_a_reason_and_within_bounds(agent: Visitor) -> None:
    gail = agent.operator("gail")
    assert gail.patch(BOX, {"pending_expiry": "48h"}).json()["pending_expiry"] == "48h"
    assert gail.patch(BOX, {"pending_expiry": None}).json()["pending_expiry"] == "72h"
    for bad in ("59m", "31d", "soon", "999999999w"):
        problem(gail.patch(BOX, {"pending_expiry": bad}), 422, "invalid_request")
    gail.patch(BOX, {"pending_expiry": "48h"})
    stands = gail.get(BOX).json()
    assert (stands["pending_expiry"], stands["pending_expiry_seconds"]) == ("48h", 48 * 3_600)
    gail.patch(BOX, {"pending_expiry": None})
    stands = gail.get(BOX).json()
    assert (stands["pending_expiry"], stands["pending_expiry_seconds"]) == ("72h", 72 * 3_600)
    with agent.bench.store.read() as conn:
        assert (record := db_directory.mailbox(conn, ADDRESS)) is not None
    assert record.pending_expiry is None


@pytest.mark.parametrize(
    ("body", "field", "what"),
    [
        ({"display_name": "a\u200bb"}, "display_name", "is too long or contains invisible characters"),
        ({"limits": {"bogus": 1}}, "limits.bogus", "is not a limit"),
        ({"allow": ["acme.test", "a*b"]}, "allow[1]", "the pattern has a * where none is allowed"),
    ],
)
def test_what_is_wrong_with_a_change_is_named_by_its_field(agent: Visitor, body: JSON, field: str, what: str) -> None:
    told = problem(agent.operator("gail").patch(BOX, body | {"change_reason": "x"}), 422, "invalid_request")
    assert told["errors"] == [{"field": field, "problem": what}]


def test_a_cursor_that_is_none_is_named(alice: Visitor) -> None:
    told = problem(alice.get(f"{PENDING}?cursor=garbage"), 422, "invalid_request")
    assert told["errors"] == [{"field": "cursor", "problem": "is invalid"}]


def test_whoever_may_not_change_the_name_is_told_who_may(alice: Visitor) -> None:
    told = problem(alice.patch(BOX, {"display_name": "Sales"}), 403, "forbidden")
    assert "may not change the name that recipients see: governance may" in told["reason"]


def test_webhook_goes_with_null(agent: Visitor) -> None:
    gail = agent.operator("gail")
    first = gail.patch(BOX, {"approval_webhook": "https://hooks.example/x"}).json()
    assert first["webhook_secret"].startswith("whsec_")
    assert gail.patch(BOX, {"approval_webhook": None}).json()["approval_webhook"] is None


def test_what_people_signed_for_is_not_patched(agent: Visitor) -> None:
    problem(agent.operator("gail").patch(BOX, {"owner": "gail", "change_reason": "x"}), 409, "conflict")


def test_limits_are_lowered_by_who_watches_and_widened_by_governance(agent: Visitor, alice: Visitor) -> None:
    assert alice.patch(BOX, {"limits": {"hour": 1}, "change_reason": "slow"}).json()["limits"]["hour"] == 1
    problem(alice.patch(BOX, {"limits": {"hour": 100}, "change_reason": "fast"}), 403, "forbidden")
    problem(alice.patch(BOX, {"limits": {"hour": 0}}), 422, "invalid_request")
    wide = agent.operator("gail").patch(BOX, {"limits": {"hour": 100}, "change_reason": "fast"})
    assert wide.json()["limits"]["hour"] == 100


# --- runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["key", "number"])
def test_run_is_confirmed_by_its_key_or_its_number(sqlite_store: Store, tmp_path: Path, by: str) -> None:
    with desk_in(sqlite_store, tmp_path, mode=Mode.AUTONOMOUS, limit_run=1, limit_new_recipients_day=9) as agent:
        agent.bench.submit("a@example.com", run=RunClaim(key="run-7"))
        assert agent.bench.submit("b@example.com", run=RunClaim(key="run-7")).status == "pending"
        row = sqlite_store.row(select(RUN))
        assert row is not None
        body = {"up_to": 2, "reason": "the list is right"} | ({"agent": "support-bot"} if by == "key" else {})
        name = "run-7" if by == "key" else str(row.id)
        problem(agent.operator("alice").post(f"/runs/{name}/confirm", body), 403, "forbidden")
        answer = agent.operator("olive").post(f"/runs/{name}/confirm", body)
        assert answer.json() == {"agent": "support-bot", "run": "run-7", "up_to": 2, "released": 1, "still_pending": 0}


def test_run_that_nobody_can_tell_is_refused(agent: Visitor) -> None:
    olive, body = agent.operator("olive"), {"up_to": 2, "reason": "x"}
    problem(olive.post("/runs/run-7/confirm", body), 404, "not_found")
    problem(olive.post("/runs/7/confirm", body), 404, "not_found")
    problem(olive.post(f"/runs/{'9' * 30}/confirm", body), 404, "not_found")
    problem(olive.post("/runs/run-7/confirm", body | {"agent": "support-bot"}), 404, "not_found")
    problem(olive.post("/runs/7/confirm", body | {"up_to": 0}), 422, "invalid_request")


# --- the log, the trace -------------------------------------------------------------------------------------------


def lines(answer: httpx.Response) -> list[JSON]:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [orjson.loads(line) for line in answer.content.splitlines()]


def test_log_comes_as_json_lines_from_where_it_is_asked(agent: Visitor, alice: Visitor) -> None:
    agent.send()
    agent.send()
    whole = lines(alice.get("/audit"))
    assert [one["seq"] for one in whole] == [1, 2, 3, 4]
    assert [one["type"] for one in whole[:2]] == ["email.submitted", "email.pending"]
    assert [(one["seq"], one["type"]) for one in lines(alice.get("/audit?after=4"))] == [(5, "desk.read")], "it is read"
    assert [one["seq"] for one in lines(alice.get("/audit?after=2"))] == [3, 4, 5], "once in an hour"
    assert [one["seq"] for one in lines(alice.get("/audit?after=1&limit=2"))] == [2, 3]
    assert lines(alice.get("/audit?after=99")) == []


def test_log_longer_than_a_page_comes_whole(agent: Visitor, alice: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        agent.send()
    monkeypatch.setattr(audit_log, "PAGE", 2)
    assert [one["seq"] for one in lines(alice.get("/audit"))] == [1, 2, 3, 4, 5, 6]
    assert [one["seq"] for one in lines(alice.get("/audit?limit=5"))] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", f"after={2**63}", "limit=1e3"])
def test_bad_places_in_the_log_are_422(alice: Visitor, query: str) -> None:
    problem(alice.get(f"/audit?{query}"), 422, "invalid_request")


def test_admin_reads_no_log_and_no_trace(agent: Visitor) -> None:
    problem(agent.operator("root").get("/audit"), 403, "forbidden")
    problem(agent.operator("root").get("/trace/support-bot"), 403, "forbidden")


def test_trace_tells_a_message_by_any_of_its_names(agent: Visitor, alice: Visitor) -> None:
    sent = agent.send().json()
    for key in (sent["message_id"], sent["rfc_message_id"], "jane@example.com", "support-bot/run-1"):
        told = alice.get("/trace/" + key.replace("<", "%3C").replace(">", "%3E"))
        assert told.status_code == 200, told.text
        assert sent["message_id"] in told.json()["messages"], key


# --- the brakes ---------------------------------------------------------------------------------------------------


def test_suspended_agent_goes_on_by_somebody_else(agent: Visitor, alice: Visitor) -> None:
    answer = alice.post("/agents/support-bot/suspend", {"reason": "odd mail"})
    assert answer.json() == {"agent": "support-bot", "status": "suspended", "in_flight": 0, "queued": 0, "pending": 0}
    problem(agent.send(), 403, "agent_suspended")
    problem(alice.post("/agents/support-bot/suspend", {"reason": "again"}), 409, "conflict")
    problem(alice.post("/agents/support-bot/resume", {"reason": "fine"}), 403, "forbidden")
    assert agent.operator("gail").post("/agents/support-bot/resume", {"reason": "fine"}).json()["status"] == "active"
    assert agent.send().status_code == 202
    problem(alice.post("/agents/nobody/suspend", {"reason": "x"}), 404, "not_found")
    problem(alice.post("/agents/no%00body/suspend", {"reason": "x"}), 404, "not_found")
    problem(alice.post("/agents/support-bot/suspend", {"reason": " "}), 422, "invalid_request")


def test_all_stop_ends_by_two_on_call(agent: Visitor, alice: Visitor) -> None:
    assert alice.post("/desk/stop", {"reason": "drill"}).json() == {"running": False, "stopped": True, "in_flight": 0}
    problem(agent.send(), 503, "desk_stopped")
    assert alice.post("/desk/start", {"reason": "over"}).json() == {"running": False, "by": ["alice"]}
    assert agent.operator("bob").post("/desk/start", {"reason": "over"}).json()["running"] is True
    problem(alice.post("/desk/start", {"reason": "over"}), 409, "conflict")
