"""Two bots cannot loop: what leaves says that it is automatic, and what is automatic is not answered."""

from __future__ import annotations

from email import message_from_bytes

import pytest
from sqlalchemy import select

from core.db.store import Store
from core.db.tables import BODY, MESSAGE
from core.errors import Forbidden
from core.model import Action, Mode
from core.rules.addresses import parse_address
from core.services.sending.prepare import prepare
from core.services.sending.submission import RunClaim, Submission
from tests.factories.delivery import leave
from tests.factories.desk import ADDRESS, DOMAIN, WIDE, Bench, add_mailbox, issue, make_desk

OTHER = f"billing@{DOMAIN}"


def desk_with_two_bots(store: Store) -> Bench:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    store.transact(
        lambda tx: add_mailbox(tx, agent="billing-bot", address=OTHER, stream=desk.stream_id, mode=Mode.AUTONOMOUS)
    )
    return desk


def mark_of(store: Store, message: int) -> str:
    row = store.row(select(MESSAGE.c.rfc_message_id).where(MESSAGE.c.id == message))
    assert row is not None
    return str(row.rfc_message_id)


def billing_answers(desk: Bench, **more: object) -> None:
    """The other agent composes a reply; nothing is handed in."""
    token = issue(desk.store, desk.agent_id + 1, secret=f"pra_{sorted(more)}{len(more)}")
    fields: dict[str, object] = {
        "sender": parse_address(OTHER), "to": (parse_address(ADDRESS),), "subject": "Re: hello", "text": "Thanks.",
        "issued": b"{}", "kind": Action.REPLY, "run": RunClaim(key="r"),
    }  # fmt: skip
    prepare(desk.store, Submission(**(fields | more)), token=token, ctx=desk.ctx)  # type: ignore[arg-type]  # a test's mix


def test_what_leaves_says_that_it_is_automatic_and_an_agent_cannot_say_otherwise(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    (sent,) = leave(desk, "jane@example.com")
    (answered,) = leave(desk, "jane@example.com", kind=Action.REPLY, in_reply_to="<hers@example.com>")
    b = BODY.c
    said = [
        message_from_bytes(row.rendered)["Auto-Submitted"]
        for row in store.rows(select(b.rendered).where(b.message_id.in_([sent, answered])).order_by(b.message_id))
    ]
    assert said == ["auto-generated", "auto-replied"]
    with pytest.raises(Exception, match=r"(?i)auto-submitted"):
        desk.submit(headers={"Auto-Submitted": "no"})


@pytest.mark.parametrize(
    "headers", [{"Auto-Submitted": "auto-replied"}, {"List-Id": "<x.example.com>"}, {"Return-Path": "<>"}]
)
def test_mail_that_its_inbox_knows_to_be_automatic_is_not_answered(store: Store, headers: dict[str, str]) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    with pytest.raises(Forbidden) as refused:
        desk.submit(kind=Action.REPLY, in_reply_to="<theirs@example.com>", answered=headers)
    assert refused.value.error == "action_blocked"
    assert store.rows(select(MESSAGE.c.id)) == []
    person = {"Auto-Submitted": "no", "From": "jane@example.com"}
    assert desk.submit(kind=Action.REPLY, in_reply_to="<hers@example.com>", answered=person).status == "queued"


def test_a_daemon_is_not_answered_and_may_be_written_to_by_nobodys_reply(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    with pytest.raises(Forbidden):
        desk.submit("mailer-daemon@example.com", kind=Action.REPLY, in_reply_to="<theirs@example.com>")


def test_two_agents_of_one_desk_do_not_answer_each_other(store: Store) -> None:
    desk = desk_with_two_bots(store)
    (first,) = leave(desk, OTHER)
    ours = mark_of(store, first)
    with pytest.raises(Forbidden, match="another agent of this desk"):
        billing_answers(desk, in_reply_to=ours)
    with pytest.raises(Forbidden, match="another agent of this desk"):
        billing_answers(desk, references=("<root@example.com>", ours))
    with pytest.raises(Forbidden, match="another agent of this desk"):
        billing_answers(desk, in_reply_to=ours, to=(parse_address("jane@example.com"),), cc=(parse_address(ADDRESS),))


def test_an_agent_follows_up_its_own_mail_and_takes_over_a_colleagues_with_a_person(store: Store) -> None:
    desk = desk_with_two_bots(store)
    (first,) = leave(desk, "jane@example.com")
    ours = mark_of(store, first)
    assert desk.submit(kind=Action.REPLY, in_reply_to=ours).status == "queued"
    billing_answers(desk, in_reply_to=ours, to=(parse_address("jane@example.com"),))
