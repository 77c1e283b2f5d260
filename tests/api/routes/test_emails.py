"""What agents are told, to the letter of the contract, through the real application."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from core.db import audit_log
from core.db.store import Store
from core.db.tables import BODY, MAILBOX, MESSAGE, STREAM, TOKEN
from core.demo.clock import FakeClock
from core.durations import HOUR, stamp
from core.ids import read_id
from core.model import Mode, Reply
from core.rules import policy as policies
from core.services.control import emergency
from core.services.feedback import suppressions
from core.services.feedback.suppressions import Entry
from core.services.identity import tokens
from core.services.sending import review
from core.services.sending.review import Decision
from tests.api.api_client import JSON, Visitor, chunks, mail, opened, problem
from tests.factories.delivery import NOBODY, OK, attempt, claim, settle
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, GAIL, WIDE, add_mailbox, issue, make_desk


@contextmanager
def visiting(store: Store, directory: Path, **desk: Any) -> Iterator[Visitor]:
    with opened(make_desk(store, **desk), directory) as visitor:
        yield visitor


@pytest.fixture
def free(store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """The agent of an autonomous mailbox with wide limits, on both databases."""
    with visiting(store, tmp_path, mode=Mode.AUTONOMOUS, **WIDE) as visitor:
        yield visitor


def accepted(visitor: Visitor) -> asyncio.Event:
    """Set by the next commit."""
    committed = asyncio.Event()
    visitor.desk.writer.listeners.append(committed.set)
    return committed


async def pass_time(clock: FakeClock, asking: asyncio.Task[httpx.Response]) -> None:
    """Let half minutes go by until somebody has waited enough."""
    while not asking.done():
        clock.advance(seconds=31)
        await asyncio.wait([asking], timeout=0.1)


async def deliver(visitor: Visitor, *, reply: Reply = OK) -> None:
    """See one message off as soon as it is there to claim."""
    await accepted(visitor).wait()
    hand_over(visitor, reply=reply)


def hand_over(visitor: Visitor, *, reply: Reply = OK) -> None:
    """Deliver what is queued, as another process does it."""
    claimed = claim(visitor.bench.store)
    assert claimed
    attempt(visitor.bench.store, claimed)
    settle(visitor.bench.store, claimed, reply=reply)


# --- the table of outcomes ----------------------------------------------------------------------------------------


def test_accepted_mail_is_queued_with_an_estimate(free: Visitor) -> None:
    answer = free.send(to="Jane@Example.com")
    assert answer.status_code == 202
    told = answer.json()
    assert told["status"] == "queued"
    assert told["message_id"].startswith("m")
    assert told["rfc_message_id"].endswith(f"@{DOMAIN}>")
    assert told["departs_at"].endswith("Z")
    assert told["recipients"] == [{"address": "Jane@Example.com", "status": "queued", "reason": None}]


def test_held_mail_is_pending_with_reasons_and_times(agent: Visitor) -> None:
    answer = agent.send()
    assert answer.status_code == 202
    told = answer.json()
    assert told["status"] == "pending"
    assert told["estimated_review_time"] > 0
    assert told["expires_at"].startswith("2026-01-08T04:00:00")
    assert [reason["code"] for reason in told["reasons"]] == ["mode"]
    assert told["recipients"][0]["status"] == "pending"


def test_wait_answers_sent_once_the_receiver_has_it(free: Visitor) -> None:
    async def story() -> httpx.Response:
        delivering = asyncio.create_task(deliver(free))
        answer = await free.ask("POST", "/emails/send", json=mail(), headers={"Prefer": "wait=30"})
        await delivering
        return answer

    answer = asyncio.run(story())
    assert answer.status_code == 200
    assert answer.json()["status"] == "sent"
    assert answer.json()["recipients"][0]["status"] == "sent"


def test_status_waits_for_the_outcome_too(free: Visitor, clock: FakeClock) -> None:
    async def story() -> httpx.Response:
        message = (await free.ask("POST", "/emails/send", json=mail())).json()["message_id"]
        asking = asyncio.create_task(free.ask("GET", f"/emails/{message}", headers={"Prefer": "wait=30"}))
        await asyncio.sleep(0)  # it has looked once: the message was queued
        hand_over(free)
        await pass_time(clock, asking)  # no commit of this process tells of a delivery by another one
        return await asking

    assert asyncio.run(story()).json()["status"] == "sent"


def test_wait_tells_a_refusal_by_the_receiver(free: Visitor) -> None:
    async def story() -> httpx.Response:
        delivering = asyncio.create_task(deliver(free, reply=NOBODY))
        answer = await free.ask("POST", "/emails/send", json=mail(), headers={"Prefer": "respond-async, wait=5"})
        await delivering
        return answer

    answer = asyncio.run(story())
    assert answer.status_code == 202
    assert answer.json()["status"] == "failed"


def test_wait_ends_with_what_is_known_then(free: Visitor, clock: FakeClock) -> None:
    async def story() -> httpx.Response:
        committed = accepted(free)
        asking = asyncio.create_task(free.ask("POST", "/emails/send", json=mail(), headers={"Prefer": "wait=3600"}))
        await committed.wait()
        await pass_time(clock, asking)  # more than thirty seconds nobody waits, whatever was asked
        return await asking

    answer = asyncio.run(story())
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"


def test_exhausted_budget_is_429_where_policy_refuses(store: Store, tmp_path: Path) -> None:
    refusing = policies.parse('[budgets.agent]\nhour = 1\nday = 1\non_exceed = "refuse"\n')
    with visiting(store, tmp_path, mode=Mode.AUTONOMOUS, policy=refusing) as agent:
        assert agent.send().status_code == 202
        answer = agent.send(to="joe@example.com")
    told = problem(answer, 429, "rate_limited")
    assert told["status"] == "rate_limited"
    assert told["retry_after_seconds"] > 0
    assert answer.headers["retry-after"] == str(told["retry_after_seconds"])
    assert told["limit"]


def blocked(answer: httpx.Response, error: str) -> dict[str, Any]:
    told = problem(answer, 403, error)
    assert told["status"] == "blocked"
    return told


def test_read_only_mailbox_blocks_sending(sqlite_store: Store, tmp_path: Path) -> None:
    with visiting(sqlite_store, tmp_path, mode=Mode.READ_ONLY) as agent:
        assert blocked(agent.send(), "action_blocked")["reason"] == "oversight_mode is read_only"


def test_suspended_agent_is_told_so(agent: Visitor) -> None:
    agent.bench.store.transact(
        lambda tx: emergency.suspend_agent(tx, "support-bot", reason="complaints 0.10 %", actor=ALICE)
    )
    assert "complaints 0.10 %" in blocked(agent.send(), "agent_suspended")["reason"]


def test_mailbox_that_is_not_active_blocks(agent: Visitor) -> None:
    agent.bench.store.transact(lambda tx: tx.write(update(MAILBOX).values(status="requested")))
    blocked(agent.send(), "mailbox_not_active")


def test_suppression_of_every_recipient_blocks_and_of_one_leaves_it_out(free: Visitor) -> None:
    free.bench.store.transact(lambda tx: suppressions.add(tx, Entry("jane@example.com"), actor=ALICE))
    told = blocked(free.send(), "recipients_suppressed")
    assert told["recipients"] == [
        {"address": "jane@example.com", "status": "blocked", "reason": "recipients_suppressed"}
    ]
    both = free.send(to=["jane@example.com", "joe@example.com"]).json()
    assert both["status"] == "queued"
    assert [one["status"] for one in both["recipients"]] == ["blocked", "queued"]


def test_recipient_outside_the_allow_list_is_blocked_where_policy_blocks(sqlite_store: Store, tmp_path: Path) -> None:
    blocking = policies.parse('[allow_list]\noutside = "block"\n')
    with visiting(sqlite_store, tmp_path, policy=blocking, mode=Mode.AUTONOMOUS, allow=["acme.test"]) as agent:
        blocked(agent.send(), "not_allow_listed")


def test_missing_consent_blocks_where_policy_blocks(sqlite_store: Store, tmp_path: Path) -> None:
    blocking = policies.parse('[consent]\nmissing = "block"\n[classes]\nhold = []\n')
    classes = ["transactional", "cold_outreach"]
    with visiting(sqlite_store, tmp_path, policy=blocking, mode=Mode.AUTONOMOUS, classes=classes) as agent:
        identity = {"organisation": "Acme", "postal_address": "1 Road, Town"}
        agent.bench.store.transact(lambda tx: tx.write(update(STREAM).values(**identity)))
        blocked(agent.send(content_class="cold_outreach"), "consent_required")


def test_stopped_desk_is_503_with_retry_after(agent: Visitor) -> None:
    agent.bench.store.transact(lambda tx: emergency.stop(tx, reason="drill", actor=ALICE))
    answer = agent.send()
    problem(answer, 503, "desk_stopped")
    assert int(answer.headers["retry-after"]) > 0


def test_class_that_needs_unsubscribing_takes_one_address(sqlite_store: Store, tmp_path: Path) -> None:
    with visiting(sqlite_store, tmp_path, classes=["cold_outreach"]) as agent:
        told = problem(agent.send(cc=["joe@example.com"], content_class="cold_outreach"), 422, "invalid_request")
        assert told["fix"]
        assert told["errors"][0]["field"] == "to"


def test_mail_that_lacks_its_senders_postal_address_says_how_to_give_it(sqlite_store: Store, tmp_path: Path) -> None:
    with visiting(sqlite_store, tmp_path, classes=["cold_outreach"]) as agent:
        told = problem(agent.send(content_class="cold_outreach"), 403, "action_blocked")
        assert told["fix"] == f"postroom stream set {DOMAIN} --organisation NAME --postal-address TEXT"


# --- idempotency --------------------------------------------------------------------------------------------------


def test_same_key_and_body_answers_the_first_answer_again(free: Visitor) -> None:
    first = free.send(http={"Idempotency-Key": "k-1"})
    second = free.send(http={"Idempotency-Key": "k-1"})
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert len(free.bench.store.rows(MESSAGE.select())) == 1


def test_same_key_with_another_body_is_422(free: Visitor) -> None:
    free.send(http={"Idempotency-Key": "k-1"})
    problem(free.send(subject="Another", http={"Idempotency-Key": "k-1"}), 422, "idempotency_mismatch")


def test_keys_of_two_mailboxes_do_not_meet(free: Visitor) -> None:
    store, bench = free.bench.store, free.bench

    def another(tx: Any) -> None:
        made, box = add_mailbox(tx, agent="other", address=f"two@{DOMAIN}", stream=bench.stream_id, **WIDE)
        del made
        tx.write(update(MAILBOX).where(MAILBOX.c.id == box).values(agent_id=bench.agent_id))

    store.transact(another)
    first = free.send(http={"Idempotency-Key": "k-1"}).json()
    second = free.send(sender=f"two@{DOMAIN}", http={"Idempotency-Key": "k-1"}).json()
    assert first["message_id"] != second["message_id"]


def test_key_of_a_running_request_is_409(free: Visitor, clock: FakeClock) -> None:
    async def story() -> httpx.Response:
        headers = {"Idempotency-Key": "k-1", "Prefer": "wait=30"}
        committed = accepted(free)
        first = asyncio.create_task(free.ask("POST", "/emails/send", json=mail(), headers=headers))
        await committed.wait()
        second = await free.ask("POST", "/emails/send", json=mail(), headers=headers)
        await pass_time(clock, first)
        return second

    problem(asyncio.run(story()), 409, "idempotency_in_progress")


def test_answer_after_waiting_is_the_one_that_is_kept(free: Visitor) -> None:
    async def story() -> tuple[httpx.Response, httpx.Response]:
        delivering = asyncio.create_task(deliver(free))
        headers = {"Idempotency-Key": "k-1", "Prefer": "wait=30"}
        first = await free.ask("POST", "/emails/send", json=mail(), headers=headers)
        await delivering
        return first, await free.ask("POST", "/emails/send", json=mail(), headers=headers)

    first, second = asyncio.run(story())
    assert first.json()["status"] == "sent"
    assert second.content == first.content


def test_refusal_is_not_kept_for_its_key(agent: Visitor) -> None:
    agent.bench.store.transact(lambda tx: emergency.stop(tx, reason="drill", actor=ALICE))
    assert agent.send(http={"Idempotency-Key": "k-1"}).status_code == 503
    agent.bench.store.transact(lambda tx: emergency.start(tx, reason="over", actor=GAIL))
    assert agent.send(http={"Idempotency-Key": "k-1"}).status_code == 202


@pytest.mark.parametrize("key", ["x" * 257, ""])
def test_key_is_1_to_256_characters(agent: Visitor, key: str) -> None:
    problem(agent.send(http={"Idempotency-Key": key}), 422, "invalid_request")


# --- what is malformed --------------------------------------------------------------------------------------------


def fields(answer: httpx.Response) -> set[str]:
    return {one["field"] for one in problem(answer, 422, "invalid_request")["errors"]}


@pytest.mark.parametrize("name", ["from", "to", "subject"])
def test_required_members_are_named_when_missing(agent: Visitor, name: str) -> None:
    body = {member: value for member, value in mail().items() if member != name}
    assert fields(agent.post("/emails/send", body)) == {name}


def test_unknown_members_are_refused(agent: Visitor) -> None:
    assert fields(agent.send(bbc=["joe@example.com"])) == {"bbc"}
    assert fields(agent.send(run={"id": "r", "users": "ann"})) == {"run.users"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"from": "\\ud800"}'])
def test_what_is_no_json_object_is_422(agent: Visitor, body: bytes) -> None:
    problem(agent.post("/emails/send", content=body), 422, "invalid_request")


def test_deep_nesting_is_refused_and_breaks_nothing(agent: Visitor) -> None:
    deep = b'{"metadata": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    problem(agent.post("/emails/send", content=deep), 422, "invalid_request")


def test_every_bad_address_is_named_by_its_field(agent: Visitor) -> None:
    answer = agent.send(to=["jane@example.com", "not an address"], cc=["@x"], bcc=["a@b@c.test"], reply_to="nobody@")
    assert fields(answer) == {"to[1]", "cc[0]", "bcc[0]", "reply_to"}


INJECTED = "x\r\nBcc: spy@evil.test"


@pytest.mark.parametrize(
    "more",
    [
        {"subject": INJECTED},
        {"sender": f"help@{DOMAIN}\r\nBcc: spy@evil.test"},
        {"to": ["jane@example.com\nBcc: spy@evil.test"]},
        {"cc": ["jane@example.com\r\nx"]},
        {"reply_to": "Jane\r\nBcc: spy@evil.test <jane@example.com>"},
        {"headers": {"X-Ticket": INJECTED}},
        {"headers": {"X-Ticket\r\nBcc": "spy@evil.test"}},
        {"headers": {"Bcc": "spy@evil.test"}},
        {"headers": {"DKIM-Signature": "v=1"}},
        {"headers": {"X-Agent-ID": "somebody-else"}},
        {"in_reply_to": "<a@b>\r\nBcc: spy@evil.test"},
        {"references": ["<a@b>\r\nBcc: spy@evil.test"]},
        {"attachments": [{"filename": "a\r\nBcc: spy@evil.test", "content": ""}]},
        {"attachments": [{"filename": "a", "content_type": "text/plain\r\nBcc: spy@evil.test", "content": ""}]},
        {"run": {"id": "r\r\nBcc: spy@evil.test"}},
    ],
)
def test_no_field_injects_a_header(agent: Visitor, more: dict[str, Any]) -> None:
    problem(agent.send(**more), 422, "invalid_request")
    assert agent.bench.store.rows(BODY.select()) == []


@pytest.mark.parametrize(
    "more",
    [
        {"metadata": {"x": "a\x00b"}},
        {"metadata": {"a\x00b": 1}},
        {"tags": ["a\x00b"]},
        {"run": {"id": "r", "user": "a\x00b"}},
        {"run": {"id": "r", "via": ["a\x00b"]}},
        {"subject": "a\x00b"},
    ],
)
def test_nul_is_named_and_never_a_broken_database(free: Visitor, more: dict[str, Any]) -> None:
    problem(free.send(**more), 422, "invalid_request")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "9" * 400])
def test_odd_numbers_in_metadata_break_nothing(free: Visitor, value: str) -> None:
    body = json.dumps(mail(metadata={"x": 1})).replace('"x": 1', f'"x": {value}')
    answer = free.post("/emails/send", content=body.encode())
    assert answer.status_code in (202, 422), answer.text
    if answer.status_code == 202:
        assert free.get(f"/emails/{answer.json()['message_id']}").status_code == 200


def test_attachment_that_is_not_base64_is_named(agent: Visitor) -> None:
    content = base64.b64encode(b"x").decode() + "!"
    told = fields(agent.send(attachments=[{"filename": "a.pdf", "content": content}]))
    assert told == {"attachments[0].content"}


# --- too large ----------------------------------------------------------------------------------------------------


def test_body_over_the_limit_is_413_when_declared(agent: Visitor) -> None:
    problem(agent.post("/emails/send", content=b" " * (27 * 2**20)), 413, "too_large")


def test_body_over_the_limit_is_413_when_it_comes_in_pieces(agent: Visitor) -> None:
    pieces = chunks(*[b" " * 2**20] * 27)
    problem(agent.post("/emails/send", content=pieces), 413, "too_large")


def test_more_than_fifty_recipients_are_413(agent: Visitor) -> None:
    people = [f"r{i}@example.com" for i in range(51)]
    assert problem(agent.send(to=people[:40], bcc=people[40:]), 413, "too_large")["fix"]
    assert problem(agent.send(to=people), 413, "too_large")["fix"]


# --- who asks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "pra_unknown", "Bearer"])
def test_without_a_known_token_it_is_401(agent: Visitor, token: str | None) -> None:
    answer = agent.using(token).send()
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_token_ends_with_its_expiry(agent: Visitor, clock: FakeClock) -> None:
    clock.advance(seconds=365 * 24 * 3600)
    problem(agent.send(), 401, "unauthenticated")


def test_token_ends_with_its_revocation(agent: Visitor) -> None:
    agent.bench.store.transact(lambda tx: tx.write(update(TOKEN).values(revoked_at=tx.now)))
    problem(agent.send(), 401, "unauthenticated")


def test_operators_token_is_no_agents(agent: Visitor) -> None:
    problem(agent.operator("gail").send(), 403, "insufficient_scope")


def test_token_without_the_scope_is_told_which(agent: Visitor) -> None:
    bench = agent.bench
    issue(bench.store, bench.agent_id, secret="pra_reader", scopes=["read"])
    told = problem(agent.using(f"pra_reader{bench.agent_id}False").send(), 403, "insufficient_scope")
    assert "send" in told["reason"]


def test_mailbox_of_another_agent_is_not_yours(agent: Visitor) -> None:
    store, stream = agent.bench.store, agent.bench.stream_id
    store.transact(lambda tx: add_mailbox(tx, agent="other", address=f"other@{DOMAIN}", stream=stream))
    problem(agent.send(sender=f"other@{DOMAIN}"), 403, "not_your_mailbox")
    problem(agent.get(f"/mailboxes/other@{DOMAIN}"), 403, "not_your_mailbox")
    problem(agent.get(f"/mailboxes/other@{DOMAIN}/messages"), 403, "not_your_mailbox")


def test_an_agent_hears_the_same_of_an_unknown_mailbox_as_of_somebody_elses(agent: Visitor) -> None:
    store, stream = agent.bench.store, agent.bench.stream_id
    store.transact(lambda tx: add_mailbox(tx, agent="other", address=f"other@{DOMAIN}", stream=stream))

    def heard(name: str) -> list[str]:
        address = f"{name}@{DOMAIN}"
        answers = [
            agent.send(sender=address), agent.get(f"/mailboxes/{address}"), agent.get(f"/mailboxes/{address}/messages"),
        ]  # fmt: skip
        told = []
        for one in answers:
            members = problem(one, 403, "not_your_mailbox")
            members.pop("request_id")
            told.append(repr(sorted(members.items())).replace(name, "NAME"))
        return told

    assert heard("other") == heard("nosuch")


@pytest.mark.parametrize("host", ["hooks.acme.test", "hooks.acme.test:8443", "[::1]:9000"])
def test_an_agent_sees_where_its_webhook_goes_and_not_its_path(agent: Visitor, host: str) -> None:
    bench, url = agent.bench, f"https://user:pw@{host}/services/T0/secret?key=1"
    bench.store.transact(lambda tx: tx.write(update(MAILBOX).values(webhook_url=url)))
    assert agent.get(f"/mailboxes/{ADDRESS}").json()["approval_webhook"] == f"https://{host}"
    assert agent.operator("gail").get(f"/mailboxes/{ADDRESS}").json()["approval_webhook"] == url


def test_a_token_bound_to_a_run_touches_no_other_runs_mail(agent: Visitor) -> None:
    bench = agent.bench
    issue(bench.store, bench.agent_id, secret="pra_bound", run_key="run-2")
    bound = agent.using(f"pra_bound{bench.agent_id}False")
    other, own = agent.send().json()["message_id"], bound.send(run={"id": "run-2"}).json()["message_id"]
    for method, path, body in (
        ("GET", f"/emails/{other}", None), ("POST", f"/emails/{other}/cancel", None),
        ("POST", f"/emails/{other}/tags", {"tags": ["x"]}),
    ):  # fmt: skip
        problem(asyncio.run(bound.ask(method, path, json=body)), 404, "not_found")
    listed = bound.get(f"/mailboxes/{ADDRESS}/messages").json()["messages"]
    assert [one["message_id"] for one in listed] == [own]
    assert bound.post(f"/emails/{own}/cancel").json()["status"] == "cancelled"
    assert agent.get(f"/emails/{other}").json()["status"] == "pending"


def test_a_token_bound_to_a_run_answers_no_other_runs_mail(agent: Visitor) -> None:
    bench = agent.bench
    issue(bench.store, bench.agent_id, secret="pra_bound", run_key="run-2")
    bound = agent.using(f"pra_bound{bench.agent_id}False")
    other, own = agent.send().json()["message_id"], bound.send(run={"id": "run-2"}).json()["message_id"]
    rfc = {one: agent.get(f"/emails/{one}").json()["rfc_message_id"] for one in (other, own)}
    for named in (other, rfc[other], "m0000000000000"):
        answer = bound.post("/emails/reply", {"message_id": named, "text": "And one more thing."})
        assert "of yours" in problem(answer, 404, "not_found")["reason"]
    problem(bound.send(in_reply_to=rfc[other]), 404, "not_found")
    problem(bound.send(in_reply_to=other), 422, "invalid_request")
    for named in (own, rfc[own]):
        assert bound.post("/emails/reply", {"message_id": named, "text": "More."}).status_code == 202
        assert bound.send(in_reply_to=named).status_code == 202
    assert bound.send(in_reply_to="<theirs@example.com>", references=[rfc[other]]).status_code == 202
    assert agent.post("/emails/reply", {"message_id": own, "text": "More."}).status_code == 202


def test_an_agent_passes_on_a_token_for_one_run_that_ends_with_its_own(agent: Visitor) -> None:
    made = agent.post("/tokens/delegate", {"run": "run-9", "scopes": ["send"], "ttl": "30m"})
    assert made.status_code == 201, made.text
    passed = agent.using(made.json()["token"])
    assert passed.send(run={"id": "run-9"}).status_code == 202
    problem(passed.get(f"/mailboxes/{ADDRESS}/messages"), 403, "insufficient_scope")
    problem(passed.post("/tokens/delegate", {"run": "run-9"}), 403, "forbidden")
    problem(agent.post("/tokens/delegate", {"scopes": ["send"]}), 422, "invalid_request")
    problem(agent.operator("gail").post("/tokens/delegate", {"run": "r"}), 403, "insufficient_scope")
    store = agent.bench.store
    store.transact(lambda tx: tokens.revoke(tx, token=agent.bench.token.id, actor=GAIL))
    problem(passed.send(run={"id": "run-9"}), 401, "unauthenticated")
    with store.read() as conn:
        assert "token.delegated" in {entry.event.type for entry in audit_log.read(conn, after=0)}


def test_a_delegated_token_sends_in_its_run_only_whatever_run_its_bearer_names(agent: Visitor) -> None:
    made = agent.post("/tokens/delegate", {"run": "run-9", "user": "ann@acme.test"})
    told = made.json()
    assert (told["parent"], told["agent"], told["run"], told["user"], told["test"], told["scopes"]) == (
        agent.bench.token.id, "support-bot", "run-9", "ann@acme.test", False, ["send"],
    )  # fmt: skip
    passed = agent.using(told["token"])
    sent = passed.send(run={"id": "another", "user": "eve@acme.test"})
    assert sent.status_code == 202, sent.text
    story = agent.operator("alice").get(f"/trace/{sent.json()['message_id']}").json()
    (handed_in,) = [one for one in story["steps"] if one["kind"] == "submitted"]
    assert handed_in["text"].endswith(f"with token {told['id']}, delegated from token {told['parent']}, issued by gail")
    started = [one["text"] for one in story["steps"] if one["kind"] == "run"]
    assert started[0].startswith("ann@acme.test started run run-9")


def test_a_delegated_token_ends_when_its_parents_life_is_over(agent: Visitor, clock: FakeClock) -> None:
    bench = agent.bench
    issue(bench.store, bench.agent_id, secret="pra_short", expires_at=clock.now() + HOUR)
    short = agent.using(f"pra_short{bench.agent_id}False")
    told = short.post("/tokens/delegate", {"run": "run-9", "ttl": "8h"}).json()
    assert told["expires_at"] == stamp(clock.now() + HOUR)
    passed = agent.using(told["token"])
    clock.advance(micros=HOUR - 1)
    assert passed.send(run={"id": "run-9"}).status_code == 202
    clock.advance(micros=1)
    problem(passed.send(run={"id": "run-9"}), 401, "unauthenticated")


def test_the_chain_of_a_token_stands_in_its_agents_story(agent: Visitor) -> None:
    told = agent.post("/tokens/delegate", {"run": "run-9"}).json()
    agent.bench.store.transact(
        lambda tx: tokens.revoke(tx, token=agent.bench.token.id, actor=GAIL, reason="found in a log")
    )
    story = agent.operator("alice").get("/trace/support-bot").json()
    texts = [one["text"] for one in story["steps"]]
    made = f"agent:support-bot made token {told['id']}, delegated from token {told['parent']}: send, run run-9"
    assert any(text.startswith(made) for text in texts)
    ended = [text for text in texts if text.startswith("gail revoked token")]
    assert ended == [f"gail revoked token {one}: found in a log" for one in (told["parent"], told["id"])]


def test_a_test_token_touches_no_live_mail(agent: Visitor) -> None:
    bench = agent.bench
    issue(bench.store, bench.agent_id, secret="pra_trial", test=True)
    trial = agent.using(f"pra_trial{bench.agent_id}True")
    live, own = agent.send().json()["message_id"], trial.send(subject="Trial").json()["message_id"]
    problem(trial.post(f"/emails/{live}/cancel"), 404, "not_found")
    problem(trial.post(f"/emails/{live}/tags", {"tags": ["x"]}), 404, "not_found")
    assert agent.get(f"/emails/{live}").json()["tags"] == []
    assert trial.post(f"/emails/{own}/cancel").json()["status"] == "cancelled"


def test_message_of_another_agent_does_not_exist(agent: Visitor) -> None:
    store, stream = agent.bench.store, agent.bench.stream_id
    other, _ = store.transact(lambda tx: add_mailbox(tx, agent="other", address=f"other@{DOMAIN}", stream=stream))
    issue(store, other, secret="pra_other")
    message = agent.send().json()["message_id"]
    stranger = agent.using(f"pra_other{other}False")
    for path in (f"/emails/{message}", f"/emails/{message}/cancel", f"/emails/{message}/tags"):
        method = "GET" if path.endswith(message) else "POST"
        body: JSON | None = {"tags": []} if path.endswith("tags") else None
        problem(asyncio.run(stranger.ask(method, path, json=body)), 404, "not_found")
    problem(stranger.post("/emails/reply", {"message_id": message, "text": "x"}), 404, "not_found")


# --- afterwards ---------------------------------------------------------------------------------------------------


def test_status_shows_every_recipient_and_no_body(free: Visitor) -> None:
    message = free.send(bcc=["boss@example.com"], text="the secret of the text").json()["message_id"]
    answer = free.get(f"/emails/{message}")
    told = answer.json()
    assert [one["address"] for one in told["recipients"]] == ["jane@example.com", "boss@example.com"]
    assert told["status"] == "queued"
    assert "the secret of the text" not in answer.text


def test_bcc_stands_in_no_header_of_the_message(free: Visitor) -> None:
    free.send(bcc=["boss@example.com"])
    rendered = free.bench.store.rows(BODY.select())[0].rendered
    assert b"boss@example.com" not in bytes(rendered)
    assert b"bcc:" not in bytes(rendered).lower()


def test_only_waiting_mail_is_cancelled(free: Visitor) -> None:
    message = free.send().json()["message_id"]
    assert free.post(f"/emails/{message}/cancel").json()["status"] == "cancelled"
    problem(free.post(f"/emails/{message}/cancel"), 409, "conflict")


def test_a_token_that_only_reads_cancels_nothing(agent: Visitor) -> None:
    bench = agent.bench
    issue(bench.store, bench.agent_id, secret="pra_reads", scopes=["read"])
    message = agent.send().json()["message_id"]
    reads = agent.using(f"pra_reads{bench.agent_id}False")
    problem(reads.post(f"/emails/{message}/cancel"), 403, "insufficient_scope")
    assert reads.get(f"/emails/{message}").json()["status"] == "pending"


def test_ids_of_nothing_are_404(agent: Visitor) -> None:
    for one in ("m0000000000000", "x", "m" + "z" * 13, "a0000000000000"):
        problem(agent.get(f"/emails/{one}"), 404, "not_found")
    problem(agent.get("/nowhere"), 404, "not_found")


def test_agent_may_know_where_its_mailbox_stands(agent: Visitor) -> None:
    agent.send()
    told = agent.get(f"/mailboxes/{ADDRESS.upper()}").json()
    assert told["oversight_mode"] == "gated_send"
    assert told["pending"] == 1
    assert told["suspended"] is None
    assert {one["name"] for one in told["budgets"]} >= {"agent_hour", "agent_day"}


def test_reply_follows_what_it_answers(free: Visitor) -> None:
    first = free.send(subject="Refund").json()
    answer = free.post("/emails/reply", {"message_id": first["message_id"], "text": "And one more thing."})
    assert answer.status_code == 202
    told = free.get(f"/emails/{answer.json()['message_id']}").json()
    assert (told["kind"], told["subject"]) == ("reply", "Re: Refund")
    assert [one["address"] for one in told["recipients"]] == ["jane@example.com"]


# --- reading and tagging under the ladder -------------------------------------------------------------------------


@pytest.fixture
def gated(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    with visiting(sqlite_store, tmp_path, mode=Mode.GATED_ALL) as visitor:
        yield visitor


def approve(visitor: Visitor, action: str) -> None:
    item = read_id("a", action)
    assert item is not None
    visitor.bench.store.transact(lambda tx: review.decide(tx, Decision(item, approve=True), actor=ALICE))


def test_gated_reading_waits_for_a_human_and_then_succeeds_once(gated: Visitor) -> None:
    path = f"/mailboxes/{ADDRESS}/messages"
    asked = gated.get(path)
    assert asked.status_code == 202
    action = asked.json()["action_id"]
    assert asked.json()["status"] == "pending"
    assert gated.get(path).json()["action_id"] == action, "asking again files nothing new"
    approve(gated, action)
    read = gated.get(path)
    assert (read.status_code, read.json()["messages"]) == (200, [])
    assert gated.get(path).status_code == 202, "the grant was good once"


def test_grant_to_read_lapses_after_an_hour(gated: Visitor, clock: FakeClock) -> None:
    path = f"/mailboxes/{ADDRESS}/messages"
    approve(gated, gated.get(path).json()["action_id"])
    clock.advance(seconds=3601)
    assert gated.get(path).status_code == 202


def test_grant_is_for_the_call_that_was_asked(gated: Visitor) -> None:
    approve(gated, gated.get(f"/mailboxes/{ADDRESS}/messages?q=refund").json()["action_id"])
    assert gated.get(f"/mailboxes/{ADDRESS}/messages?q=salary").status_code == 202


def test_gated_tagging_waits_too_and_status_never_does(gated: Visitor) -> None:
    message = gated.send().json()["message_id"]
    asked = gated.post(f"/emails/{message}/tags", {"tags": ["vip"]})
    assert (asked.status_code, gated.get(f"/emails/{message}").json()["tags"]) == (202, [])
    approve(gated, asked.json()["action_id"])
    assert gated.post(f"/emails/{message}/tags", {"tags": ["vip"]}).json()["tags"] == ["vip"]


def test_what_became_of_a_held_action_is_asked_by_its_id(gated: Visitor) -> None:
    path = f"/mailboxes/{ADDRESS}/messages"
    item = gated.get(path).json()["action_id"]
    waiting = gated.get(f"/emails/{item}").json()
    assert (waiting["status"], waiting["kind"], waiting["usable_until"]) == ("pending", "read", None)
    approve(gated, item)
    approved = gated.get(f"/emails/{item}").json()
    assert (approved["status"], approved["decision"]["by"]) == ("approved", "alice")
    assert approved["usable_until"] is not None
    gated.get(path)
    assert gated.get(f"/emails/{item}").json()["status"] == "used"
    store, stream = gated.bench.store, gated.bench.stream_id
    other, _ = store.transact(lambda tx: add_mailbox(tx, agent="other", address=f"other@{DOMAIN}", stream=stream))
    issue(store, other, secret="pra_other")
    problem(gated.using(f"pra_other{other}False").get(f"/emails/{item}"), 404, "not_found")
    problem(gated.get(f"/emails/a{'0' * 13}"), 404, "not_found")


def test_bad_cursor_uses_up_no_grant(gated: Visitor) -> None:
    told = problem(gated.get(f"/mailboxes/{ADDRESS}/messages?cursor=nonsense"), 422, "invalid_request")
    assert [one["field"] for one in told["errors"]] == ["cursor"]
    assert gated.operator("alice").get(f"/mailboxes/{ADDRESS}/pending").json()["messages"] == []


def test_read_only_mailbox_reads_and_does_not_tag(sqlite_store: Store, tmp_path: Path) -> None:
    with visiting(sqlite_store, tmp_path, mode=Mode.AUTONOMOUS, **WIDE) as agent:
        message = agent.send().json()["message_id"]
        agent.bench.store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="read_only")))
        assert len(agent.get(f"/mailboxes/{ADDRESS}/messages").json()["messages"]) == 1
        blocked(agent.post(f"/emails/{message}/tags", {"tags": ["vip"]}), "action_blocked")


@pytest.mark.parametrize("query", ["q=%00", "direction=sideways", "cursor=%00", "direction=%00"])
def test_odd_queries_break_nothing(free: Visitor, query: str) -> None:
    assert free.get(f"/mailboxes/{ADDRESS}/messages?{query}").status_code in (404, 422)


def test_malformed_mail_leaves_no_event(free: Visitor) -> None:
    free.send()
    free.send(subject="x\r\ny")
    with free.bench.store.read() as conn:
        kinds = [entry.event.type for entry in audit_log.read(conn, after=0)]
    assert kinds == ["email.submitted", "email.queued"]
