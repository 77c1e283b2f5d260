"""Over HTTP: a commercial message to a stranger waits for a person in every mailbox, whatever it is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import update

from core.db.store import Store
from core.db.tables import MAILBOX, STREAM
from core.demo.clock import FakeClock
from core.model import Mode
from core.rules.policy import Policy
from core.services.control import policy
from core.services.feedback import consents, suppressions
from tests.api.api_client import JSON, Visitor, opened
from tests.factories.delivery import attempt, claim, number, pass_a_moment, settle
from tests.factories.desk import ALICE, GAIL, OLIVE, WIDE, make_desk

PITCH: Final[JSON] = {
    "subject": "A quick idea",
    "text": "I came across your website. Are you the right person to talk to about office chairs?",
}
PLAIN: Final[JSON] = {"subject": "Your order 5512", "text": "Thank you for your order. It is on its way."}


@pytest.fixture
def agent(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """A mailbox with the default classes that may send whatever it likes by itself."""
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as visitor:
        yield visitor


def handed(agent: Visitor, to: str | list[str], **more: Any) -> JSON:
    answer = agent.send(**({"to": to, "content_class": "transactional"} | more))
    assert answer.status_code == 202, answer.text
    told: JSON = answer.json()
    return told


def codes(told: JSON) -> list[str]:
    return sorted(one["code"] for one in told.get("reasons", ()))


def recorded(agent: Visitor, subject: str, **more: Any) -> None:
    entry = consents.Entry(**({"subject": subject, "basis": "contract", "source": "order form"} | more))
    agent.bench.store.transact(lambda tx: consents.add(tx, entry, actor=OLIVE))


def later(store: Store) -> None:
    """What a door remembers of a mailbox is a second old at most."""
    assert isinstance(store.clock, FakeClock)
    store.clock.advance(seconds=2)


def sent(agent: Visitor, to: str, **more: Any) -> None:
    """Something ordinary of this agent has left to them."""
    message = number(handed(agent, to, **(PLAIN | more))["message_id"])
    store = agent.bench.store
    pass_a_moment(store)
    claimed = claim(store)
    assert (message, 0) in attempt(store, claimed)
    settle(store, claimed)
    pass_a_moment(store)


@pytest.mark.parametrize("content_class", [None, "transactional", "reply", "notification", "internal"])
@pytest.mark.parametrize("to", ["jane@firm.ca", "jane@firma.de", "jane@firm.co.uk", "jane@firm.com", "jane@start.io"])
def test_a_pitch_to_a_stranger_is_held_whatever_its_agent_calls_it(
    agent: Visitor, to: str, content_class: str | None
) -> None:
    told = handed(agent, to, content_class=content_class, **PITCH)
    assert told["status"] == "pending"
    assert "consent" in codes(told)
    assert any("came across your website" in one["text"] for one in told["reasons"]), "it says which words"


@pytest.mark.parametrize("mode", list(Mode)[1:])
def test_a_pitch_to_a_stranger_is_held_in_every_mode(sqlite_store: Store, tmp_path: Path, mode: Mode) -> None:
    with opened(make_desk(sqlite_store, mode=mode, **WIDE), tmp_path) as agent:
        told = handed(agent, "jane@firm.ca", **PITCH)
    assert told["status"] == "pending"
    assert "consent" in codes(told)


@pytest.mark.parametrize("to", ["jane@firm.ca", "jane@firma.de", "jane@firm.com"])
def test_what_is_owed_to_a_stranger_goes_by_itself(agent: Visitor, to: str) -> None:
    assert handed(agent, to, **PLAIN)["status"] == "queued"


def test_a_pitch_goes_where_there_is_a_record(agent: Visitor) -> None:
    recorded(agent, "jane@firm.ca")
    assert handed(agent, "jane@firm.ca", **PITCH)["status"] == "queued"
    assert handed(agent, "john@firm.ca", **PITCH)["status"] == "pending"


def test_a_pitch_goes_to_a_contact_and_a_newsletter_does_not(agent: Visitor) -> None:
    sent(agent, "jane@firm.ca")
    assert handed(agent, "jane@firm.ca", **PITCH)["status"] == "queued"
    assert handed(agent, "jane@firm.ca", content_class="reply", **PITCH)["status"] == "queued"
    told = handed(agent, "jane@firm.ca", content_class="notification", **PITCH)
    assert (told["status"], "consent" in codes(told)) == ("pending", True), "a receipt is no subscription"


def test_the_mail_that_an_agent_says_it_answers_makes_no_relation(agent: Visitor) -> None:
    claimed: JSON = {"in_reply_to": "<1@firm.ca>", "in_reply_to_headers": {"From": "jane@firm.ca"}}
    assert handed(agent, "jane@firm.ca", content_class="reply", **claimed, **PITCH)["status"] == "pending"
    assert handed(agent, "jane@firm.ca", content_class="reply", **claimed, **PLAIN)["status"] == "queued"


def test_one_stranger_among_acquaintances_is_enough(agent: Visitor) -> None:
    recorded(agent, "jane@firm.ca")
    recorded(agent, "joe@firm.ca")
    assert handed(agent, ["jane@firm.ca", "joe@firm.ca"], **PITCH)["status"] == "queued"
    told = handed(agent, ["jane@firm.ca", "eve@firm.ca"], **PITCH)
    assert (told["status"], "consent" in codes(told)) == ("pending", True)


def test_who_left_offers_or_withdrew_gets_none_under_another_name(agent: Visitor) -> None:
    store = agent.bench.store
    sent(agent, "jane@firm.ca")
    left = suppressions.Entry(address="jane@firm.ca", classes="cold_outreach")
    store.transact(lambda tx: suppressions.add(tx, left, actor=ALICE))
    answer = agent.send(to="jane@firm.ca", content_class="transactional", **PITCH)
    assert (answer.status_code, answer.json()["error"]) == (403, "recipients_suppressed")
    assert handed(agent, "jane@firm.ca", **PLAIN)["status"] == "queued"
    recorded(agent, "joe@firm.ca")
    store.transact(lambda tx: consents.withdraw(tx, "joe@firm.ca", actor=ALICE))
    answer = agent.send(to="joe@firm.ca", content_class="transactional", **PITCH)
    assert (answer.status_code, answer.json()["error"]) == (403, "consent_required")
    assert handed(agent, "joe@firm.ca", **PLAIN)["status"] == "queued"


def test_consent_is_asked_again_when_the_pitch_leaves(agent: Visitor) -> None:
    store = agent.bench.store
    recorded(agent, "jane@firm.ca", expires_at=store.clock.now() + 1_000)
    message = handed(agent, "jane@firm.ca", **PITCH)
    assert message["status"] == "queued"
    later(store)
    assert attempt(store, claim(store)) == set()
    pending = agent.operator("alice").get("/mailboxes/help@support-bot.acme.test/pending").json()["messages"]
    assert [(one["id"], codes(one)) for one in pending] == [(message["message_id"], ["consent"])]
    answer = agent.operator("alice").post(f"/emails/{message['message_id']}/decide", {"action": "approve"})
    assert answer.status_code == 200, answer.text
    pass_a_moment(store)
    assert len(attempt(store, claim(store))) == 1, "a person saw it and said yes"


def test_the_region_is_the_record_s_then_the_domain_s(agent: Visitor) -> None:
    """Where a mailbox may send cold outreach by itself, the basis that its recipient's region asks for decides."""
    store = agent.bench.store
    free = Policy.model_validate({"classes": {"hold": ()}})
    store.transact(lambda tx: policy.apply_policy(tx, free, reason="we have lists", actor=GAIL))
    store.transact(lambda tx: tx.write(update(MAILBOX).values(classes=["transactional", "cold_outreach"])))
    store.transact(lambda tx: tx.write(update(STREAM).values(organisation="Acme", postal_address="1 Main St")))
    for to, region, status in (
        ("a@firm.us", None, "queued"),
        ("a@firm.ca", None, "pending"),
        ("a@firm.com", None, "pending"),
        ("a@firm.com", "US", "queued"),
        ("b@firm.us", "CA", "pending"),
        ("b@firm.ca", "US", "queued"),
    ):
        later(store)
        recorded(agent, to, basis="legitimate_interest", region=region, given_at=store.clock.now())
        told = handed(agent, to, content_class="cold_outreach", **PITCH)
        assert told["status"] == status, (to, region)
        store.transact(lambda tx, to=to: consents.withdraw(tx, to, actor=ALICE))  # type: ignore[misc]  # bound now


def test_the_budgets_of_a_stream_at_a_site_stand_beside_the_mailbox_s(agent: Visitor) -> None:
    sent(agent, "jane@firm.ca")
    handed(agent, "joe@firm.ca", **PLAIN)
    budgets = {one["name"]: one for one in agent.get("/mailboxes/help@support-bot.acme.test").json()["budgets"]}
    assert budgets["stream_site_hour:firm.ca"]["used"] == budgets["site_hour:firm.ca"]["used"] == 1
    assert {"stream_site_minute:firm.ca", "site_minute:firm.ca"} <= set(budgets)
