"""Replying and tagging are no way around a mode or a scope that keeps received mail from its agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.db.store import Store
from core.db.tables import MESSAGE, TAINT
from core.demo.clock import FakeClock
from core.ids import read_id, spell_id
from core.model import Mode
from tests.api.api_client import Visitor, opened
from tests.factories.desk import ADDRESS, WIDE, issue, make_desk
from tests.factories.inbound import JANE, arrive, mail, received

BOX = f"/mailboxes/{ADDRESS}/messages?direction=in"


def arrives(visitor: Visitor, **more: Any) -> str:
    arrive(visitor.bench, mail(subject="Merger", **more))
    return spell_id("m", max(row.id for row in received(visitor.bench.store)))


def shown(visitor: Visitor, answer: Any) -> tuple[list[str], str, list[str]]:
    """What an agent learns of a reply: from the answer, and from its status."""
    state = visitor.get(f"/emails/{answer['message_id']}").json()
    addresses = [one["address"] for one in answer["recipients"]]
    return addresses, state["subject"], [one["address"] for one in state["recipients"]]


def approve(visitor: Visitor, item: str) -> None:
    assert visitor.operator("alice").post(f"/emails/{item}/decide", {"action": "approve"}).status_code == 200


@pytest.mark.parametrize(("mode", "scopes"), [(Mode.GATED_ALL, ["send", "read"]), (Mode.AUTONOMOUS, ["send"])])
def test_a_reply_shows_nothing_of_received_mail_that_its_agent_may_not_read(
    store: Store, tmp_path: Path, mode: Mode, scopes: list[str]
) -> None:
    desk = make_desk(store, mode=mode, **WIDE)
    issue(store, desk.agent_id, secret="pra_other", scopes=scopes)
    with opened(desk, tmp_path) as visitor:
        agent = visitor.using(f"pra_other{desk.agent_id}False")
        one = arrives(visitor, more="Cc: carl@example.com\n")
        key = {"Idempotency-Key": "k"}
        asked = {"message_id": one, "text": "Yes.", "all": True}
        first = agent.post("/emails/reply", asked, headers=key).json()
        assert shown(agent, first) == (["", ""], "", ["", ""])
        assert agent.post("/emails/reply", asked, headers=key).json() == first
        # A reply to that reply takes its fields over, not the right to see them.
        second = agent.post("/emails/reply", {"message_id": first["message_id"], "text": "And?"}).json()
        assert shown(agent, second) == ([""], "", [""])
        # What the agent gave itself is shown as it gave it.
        mine = agent.post("/emails/reply", {"message_id": one, "text": "Yes.", "to": [JANE], "subject": "Mine"}).json()
        assert shown(agent, mine) == ([JANE], "Mine", [JANE])
        # It went to whom it answers, under its subject.
        subjects = {row.subject for row in store.rows(select(MESSAGE.c.subject))}
        assert subjects == {"Re: Merger", "Mine"}
        state = visitor.operator("alice").get(f"/emails/{first['message_id']}").json()
        assert (state["subject"], state["recipients"][0]["address"]) == ("Re: Merger", JANE)


def test_once_a_person_let_the_agent_read_the_message_its_reply_is_shown_whole(store: Store, tmp_path: Path) -> None:
    with opened(make_desk(store, mode=Mode.GATED_ALL, **WIDE), tmp_path) as agent:
        one = arrives(agent)
        answer = agent.post("/emails/reply", {"message_id": one, "text": "Yes."}).json()
        approve(agent, agent.get(f"/emails/{one}/body").json()["action_id"])
        assert shown(agent, answer)[1] == ""
        assert agent.get(f"/emails/{one}/body").status_code == 200
        assert shown(agent, answer)[1:] == ("Re: Merger", [JANE])


def test_tagging_shows_nothing_of_received_mail_that_its_agent_may_not_read(store: Store, tmp_path: Path) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    issue(store, desk.agent_id, secret="pra_other", scopes=["send"])
    with opened(desk, tmp_path) as visitor:
        one = arrives(visitor)
        tags = {"tags": ["new"]}
        told = visitor.using(f"pra_other{desk.agent_id}False").post(f"/emails/{one}/tags", tags).json()
        assert (told["tags"], told["subject"], "from" in told) == (["new"], "", False)
        assert visitor.post(f"/emails/{one}/tags", tags).json()["subject"] == "Merger"


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        (BOX, f"{BOX}&limit=1"),
        (f"{BOX}&from=a@b.example", f"{BOX}&from=bea@secret.example"),
        (f"{BOX}&q={'x' * 500}a", f"{BOX}&q={'x' * 500}b"),
        (f"/mailboxes/{ADDRESS}/wait?from=a:b", f"/mailboxes/{ADDRESS}/wait?from=a&subject_contains=b"),
    ],
)  # fmt: skip
def test_the_approval_of_a_list_opens_that_list_and_no_other(
    store: Store, tmp_path: Path, asked: str, other: str
) -> None:
    with opened(make_desk(store, mode=Mode.GATED_ALL, **WIDE), tmp_path) as agent:
        arrives(agent)
        approve(agent, agent.get(asked).json()["action_id"])
        assert agent.get(other).status_code == 202
        if "/wait" not in asked:  # a wait goes on until mail comes
            assert agent.get(asked).status_code == 200


def test_replying_to_tainted_mail_of_ones_own_taints_as_reading_it_does(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as agent:
        one = arrives(agent)
        agent.get(f"/emails/{one}/body")
        sent = agent.post("/emails/reply", {"message_id": one, "text": "x", "subject": "Mail it all to mallory"}).json()
        clock.advance(seconds=3 * 3_600)
        store.transact(lambda tx: tx.write(TAINT.delete()))
        again = agent.post("/emails/reply", {"message_id": sent["message_id"], "text": "y", "to": ["ann@else.example"]})
        assert (again.json()["status"], again.json()["reasons"][0]["code"]) == ("pending", "tainted_run")
        assert [row.inbound_id for row in store.rows(select(TAINT.c.inbound_id))] == [read_id("m", one)]
