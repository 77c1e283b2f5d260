"""An agent asks for its own mailbox, people sign, the agent claims its first token; on both databases."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest
from sqlalchemy import select, update

from core.db import directory
from core.db.directory import MailboxRecord
from core.db.store import Store
from core.db.tables import AGENT, MAILBOX, OPERATOR, TOKEN
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from core.ids import sha256
from core.model import Actor, ContentClass, Mode, Role, Scope
from core.rules.issuance import CHECKLISTS, Kind
from core.rules.policy import Policy
from core.services.identity import (
    enrolment,
    enrolment_claims,
    enrolment_progress,
    mailbox_settings,
    mailboxes,
    signoffs,
    tokens,
)
from core.services.identity.enrolment import Wanted
from core.services.identity.enrolment_claims import Refusal
from core.services.identity.enrolment_progress import Progress
from core.services.identity.mailbox_settings import Change
from core.services.identity.tokens import Grant, Issued
from core.services.identity.widenings import More
from tests.factories.desk import ADDRESS, ALICE, DORA, GAIL, OLIVE, ROOT, hire, make_desk, person
from tests.factories.records import SALES, SHARED, SIGNERS, last, make_keyed_desk, request, sign, told

OTTO: Final = person("otto", Role.OWNER)
SECRET: Final = "a secret of the agent's own"
DIGESTS = (sha256(f"token {number}".encode()) for number in itertools.count(1))


def enrol(store: Store, *, actor: Any = OLIVE, agent: str = "sales-bot", **more: Any) -> int:
    return store.transact(
        lambda tx: enrolment.issue(tx, agent=agent, token_hash=next(DIGESTS), actor=actor, **more)
    ).token


def wanted(**more: Any) -> Wanted:
    fields: dict[str, Any] = {
        "address": SALES, "purpose": "answers questions about orders", "systems": "order database, read only",
        "revoke_when": "the order desk closes", "claim_hash": sha256(SECRET.encode()), "fingerprint": b"one",
    }  # fmt: skip
    return Wanted(**(fields | more))


def ask(store: Store, token: int, **more: Any) -> str:
    what = wanted(**more)
    return store.transact(lambda tx: enrolment.file(tx, token=token, wanted=what))


def progress(store: Store, number: str, token: int) -> Progress:
    return store.look(lambda tx: enrolment_progress.of(tx, number, token=token))


def claim(store: Store, number: str, token: int, *, secret: str = SECRET) -> Issued | Refusal:
    fresh = next(DIGESTS)
    return store.transact(
        lambda tx: enrolment_claims.claim(
            tx, number, token=token, secret_hash=sha256(secret.encode()), token_hash=fresh
        )
    )


def signed(store: Store) -> tuple[str, int]:
    """A desk on which an agent's request has its three signatures; returns the request and its token."""
    make_keyed_desk(store)
    token = enrol(store)
    number = ask(store, token)
    for kind in Kind:
        sign(store, kind)
    return number, token


def record(store: Store, address: str = SALES) -> MailboxRecord:
    with store.read() as conn:
        found = directory.mailbox(conn, address)
    assert found is not None
    return found


# --- the whole way ------------------------------------------------------------------------------------------------


def test_an_agent_asks_people_sign_and_it_claims_its_first_token_once(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    token = enrol(store)
    number = ask(store, token)
    assert record(store).requested_by == "agent:sales-bot"
    assert last(store, "mailbox.requested").token == token
    assert progress(store, number, token).waiting_for == tuple(Kind)
    with pytest.raises(Conflict, match="is not active yet"):
        claim(store, number, token)
    for kind in Kind:
        sign(store, kind)
    shown = progress(store, number, token)
    assert (shown.state, shown.waiting_for, [one.kind for one in shown.decided]) == ("approved", (), [*Kind])
    assert shown.claim_until == clock.now() + enrolment_claims.WITHIN
    issued = claim(store, number, token)
    assert isinstance(issued, Issued)
    assert (issued.scopes, issued.expires_at) == ((Scope.SEND, Scope.READ), clock.now() + tokens.USUAL_LIFE)
    event = last(store, "token.claimed")
    assert (event.actor, event.token, event.scopes) == ("agent:sales-bot", issued.token, ["send", "read"])
    again = claim(store, number, token)
    assert isinstance(again, Refusal)
    assert again.error == "claimed"
    assert (last(store, "token.claim_refused").cause, told(store).count("token.claimed")) == ("claimed", 1)
    assert progress(store, number, token).claim_until is None


def test_what_it_starts_with_is_small_whatever_the_policy_allows(store: Store) -> None:
    generous = Policy.model_validate(
        {"oversight": {"default_mode": Mode.AUTONOMOUS}, "budgets": {"agent": {"hour": 900, "day": 5_000}}}
    )
    make_keyed_desk(store, policy=generous)
    token = enrol(store)
    ask(store, token)
    found = record(store)
    assert (found.mode, found.limit_day, found.allow, found.owner) == (Mode.GATED_SEND, 10, (), "olive")
    for wrong in ({"day": 11}, {"run": 101}, {"fortnight": 1}):
        with pytest.raises(Invalid, match=r"at first|is not a limit"):
            ask(store, enrol(store, agent=f"bot-{next(iter(wrong))}"), address=f"x{SALES}", limits=wrong)


def test_a_stricter_default_mode_is_the_one_it_starts_in(store: Store) -> None:
    make_keyed_desk(store, policy=Policy.model_validate({"oversight": {"default_mode": Mode.GATED_ALL}}))
    ask(store, enrol(store), limits={"day": 3})
    assert (record(store).mode, record(store).limit_day) == (Mode.GATED_ALL, 3)


# --- the token ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [ALICE, GAIL, DORA, ROOT], ids=str)
def test_only_an_owner_issues_an_enrolment_token(store: Store, actor: Any) -> None:
    make_desk(store)
    with pytest.raises(Forbidden, match="may not issue an enrolment token"):
        enrol(store, actor=actor)


def test_it_is_short_lived_and_revocable_and_governance_cannot_grant_its_scope(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    with pytest.raises(Invalid, match="lives from 1m to 7d"):
        enrol(store, ttl=7 * DAY + 1)
    with pytest.raises(Invalid, match="belongs to enrolment tokens"):
        store.transact(
            lambda tx: tokens.issue(
                tx, agent="support-bot", grant=Grant(scopes=(Scope.SEND, Scope.REQUEST)), token_hash=b"x", actor=GAIL
            )
        )
    token = enrol(store)
    assert last(store, "token.issued").owner == "olive"
    store.transact(lambda tx: tokens.revoke(tx, token=token, actor=ALICE))
    with pytest.raises(Unauthenticated):
        ask(store, token)
    late = enrol(store)
    clock.advance(micros=DAY)
    with pytest.raises(Unauthenticated):
        ask(store, late)


def test_no_owner_gets_a_token_for_somebody_elses_agent(store: Store) -> None:
    make_keyed_desk(store)
    hire(store, OTTO)
    with pytest.raises(Forbidden, match="support-bot belongs to olive"):
        enrol(store, actor=OTTO, agent="support-bot")
    token = enrol(store, actor=OTTO)  # nobody's yet
    request(store, address=f"other{SALES}", owner="olive")
    with pytest.raises(Forbidden, match="another owner"):
        ask(store, token)


@pytest.mark.parametrize("status", ["retired", "vetoed"])
def test_an_agent_whose_mailbox_has_ended_still_belongs_to_its_owner(store: Store, status: str) -> None:
    make_keyed_desk(store)
    hire(store, OTTO)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(status=status)))
    with pytest.raises(Forbidden, match="support-bot belongs to olive"):
        enrol(store, actor=OTTO, agent="support-bot")
    assert enrol(store, agent="support-bot")


# --- the request --------------------------------------------------------------------------------------------------


def test_one_request_at_a_time_and_the_same_one_is_filed_once(store: Store) -> None:
    make_keyed_desk(store)
    token = enrol(store)
    number = ask(store, token)
    assert ask(store, token) == number
    assert told(store).count("mailbox.requested") == 1
    with pytest.raises(Conflict, match="waits for signatures"):
        ask(store, token, fingerprint=b"two")
    with pytest.raises(Conflict, match="waits for signatures"):
        ask(store, enrol(store), address=f"second{SALES}", fingerprint=b"two")


def test_a_veto_ends_it_with_its_reason_and_a_token_files_ten_requests_at_most(store: Store) -> None:
    make_keyed_desk(store)
    token = enrol(store)
    for turn in range(enrolment.MOST_REQUESTS):
        number = ask(store, token, fingerprint=bytes([turn]))
        store.transact(lambda tx: mailboxes.veto(tx, SALES, Kind.GOVERNANCE, actor=GAIL, reason="too vague"))
        shown = progress(store, number, token)
        assert (shown.state, shown.decided[0].reason) == ("vetoed", "too vague")
    with pytest.raises(Conflict, match="10 requests were filed"):
        ask(store, token, fingerprint=b"one more")


def test_a_record_that_somebody_filed_anew_is_no_longer_the_agents_request(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    token = enrol(store)
    number = ask(store, token)
    store.transact(lambda tx: mailboxes.veto(tx, SALES, Kind.OWNER, actor=OLIVE, reason="mine"))
    clock.advance(micros=1)
    request(store, agent="sales-bot")
    for kind in Kind:
        sign(store, kind)
    assert progress(store, number, token).state == "ended"
    with pytest.raises(Conflict, match="has ended, or was never signed"):
        claim(store, number, token)


def test_the_owner_and_the_address_are_the_tokens(store: Store) -> None:
    make_keyed_desk(store)
    hire(store, OTTO)
    token = enrol(store, address=SALES.upper())
    with pytest.raises(Forbidden, match="the person who issued the token"):
        ask(store, token, owner="otto")
    with pytest.raises(Forbidden, match=f"{SALES} only"):
        ask(store, token, address=f"more{SALES}")
    with pytest.raises(Invalid, match="must name an address"):
        ask(store, enrol(store, agent="other-bot"), address=None)
    ask(store, token, address=None, owner="Olive")
    assert (record(store).owner, record(store).requested_by) == ("olive", "agent:sales-bot")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("purpose", "answers\nFROM alice: approve this"),
        ("purpose", "answers \u202ereversed"),
        ("systems", "orders\x1b[2J"),
        ("revoke_when", "x" * 501),
        ("users", "tagged \U000e0041"),
        ("display_name", "Sales\u200b"),
        ("system_owner", "y" * 101),
        ("address", f"s\u0430les@{SALES.partition('@')[2]}"),
        ("allow", ("*",)),
        ("allow", ("*@*",)),
        ("purpose", "  "),
    ],
)
def test_foreign_text_is_short_plain_and_on_one_line(store: Store, member: str, value: Any) -> None:
    make_keyed_desk(store)
    token = enrol(store)
    with pytest.raises(Invalid) as refused:
        ask(store, token, **{member: value})
    assert refused.value.problems[0][0].partition("[")[0] == member
    assert "mailbox.requested" not in told(store)


def test_a_taken_address_and_a_suspended_agent_are_refused_without_naming_people(store: Store) -> None:
    make_keyed_desk(store)
    token = enrol(store)
    with pytest.raises(Conflict) as taken:
        ask(store, token, address=ADDRESS)
    assert taken.value.reason == f"{ADDRESS} is taken"
    store.transact(lambda tx: tx.write(update(AGENT).where(AGENT.c.name == "sales-bot").values(status="suspended")))
    with pytest.raises(Forbidden, match="is suspended"):
        ask(store, token)


def test_a_request_is_shown_to_its_own_agent_and_owner_alone(store: Store) -> None:
    make_keyed_desk(store)
    number = ask(store, enrol(store))
    with pytest.raises(NotFound):
        progress(store, number, enrol(store, agent="other-bot"))
    assert progress(store, number, enrol(store)).state == "waiting"
    with pytest.raises(NotFound):
        progress(store, "r" + "z" * 13, enrol(store))


def test_an_ordinary_token_asks_for_nothing(store: Store) -> None:
    desk = make_keyed_desk(store)
    with pytest.raises(Forbidden, match="needs an enrolment token"):
        ask(store, desk.token.id)


def test_nobody_answers_for_a_mailbox_whose_owner_has_left(store: Store) -> None:
    make_keyed_desk(store)
    token = enrol(store)
    store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "olive").values(disabled_at=1)))
    with pytest.raises(Conflict, match="can no longer own"):
        ask(store, token)


# --- the claim ----------------------------------------------------------------------------------------------------


def test_wrong_secrets_are_logged_and_limited_and_cannot_keep_the_agent_from_claiming(
    store: Store, clock: FakeClock
) -> None:
    number, token = signed(store)
    causes = [claim(store, number, token, secret="guess") for _ in range(enrolment_claims.MOST_REFUSED)]
    assert {one.error for one in causes if isinstance(one, Refusal)} == {"wrong_secret"}
    limited = claim(store, number, token, secret="guess")
    assert isinstance(limited, Refusal)
    assert (limited.error, limited.retry_after) == ("rate_limited", 3600)
    assert told(store).count("token.claim_refused") == enrolment_claims.MOST_REFUSED
    assert isinstance(claim(store, number, token), Issued)
    again = [claim(store, number, token), claim(store, number, token, secret="guess")]
    assert {one.error for one in again if isinstance(one, Refusal)} == {"rate_limited"}
    clock.advance(micros=HOUR)
    again = [claim(store, number, token), claim(store, number, token, secret="guess")]
    assert [one.error for one in again if isinstance(one, Refusal)] == ["claimed", "wrong_secret"]


def test_another_token_of_the_same_agent_claims_when_the_first_has_expired(store: Store, clock: FakeClock) -> None:
    number, token = signed(store)
    clock.advance(micros=DAY)
    with pytest.raises(Unauthenticated):
        claim(store, number, token)
    assert isinstance(claim(store, number, enrol(store)), Issued)


def test_a_request_of_a_revoked_token_is_never_claimed(store: Store) -> None:
    number, token = signed(store)
    store.transact(lambda tx: tokens.revoke(tx, token=token, actor=ALICE))
    with pytest.raises(Forbidden, match="was revoked"):
        claim(store, number, enrol(store))


def test_a_claim_comes_in_time_and_while_the_mailbox_lives(store: Store, clock: FakeClock) -> None:
    number, _ = signed(store)
    clock.advance(micros=enrolment_claims.WITHIN)
    late = enrol(store)
    with pytest.raises(Conflict) as refused:
        claim(store, number, late)
    assert refused.value.error == "claim_expired"
    store.transact(_expire)
    with pytest.raises(Conflict, match="has ended"):
        claim(store, number, late)
    assert store.rows(select(TOKEN.c.id).where(TOKEN.c.issued_by == "agent:sales-bot")) == []


def _expire(tx: Transaction) -> None:
    tx.write(update(MAILBOX).where(MAILBOX.c.address == SALES).values(expires_at=tx.now))


# --- asking for more ----------------------------------------------------------------------------------------------


def widen(store: Store, token: int, **more: Any) -> str:
    asked = More(**({"reason": "the autumn sale", "fingerprint": b"more", "limits": {"day": 50}} | more))
    return store.transact(lambda tx: enrolment.widen(tx, token=token, address=SALES, more=asked))


def sign_more(store: Store, kind: Kind, *, actor: Actor | None = None, digest: str | None = None) -> MailboxRecord:
    affirmed = [item.code for item in CHECKLISTS[kind]]
    signer = actor or SIGNERS[kind]
    overrides = SHARED | {"limits": "a sale"} if kind is Kind.DELIVERABILITY else {}
    return store.transact(
        lambda tx: signoffs.sign(tx, SALES, kind, actor=signer, affirmed=affirmed, overrides=overrides, digest=digest)
    )


def test_more_is_signed_by_the_same_three_and_changes_nothing_before_the_last(store: Store) -> None:
    _, token = signed(store)
    number = widen(store, token, classes=(ContentClass.COLD_OUTREACH,), allow=("example.com",))
    assert widen(store, token, classes=(ContentClass.COLD_OUTREACH,), allow=("example.com",)) == number
    assert last(store, "mailbox.widening_requested").allow == 1
    with store.read() as conn:
        assert [one.address for one in directory.mailboxes(conn, status="requested")] == [SALES]
    sheet = store.look(lambda tx: signoffs.to_sign(tx, SALES, Kind.OWNER, actor=OLIVE))
    assert "day 10 -> 50; may also send cold_outreach; may also write to *@example.com" in sheet.findings[0].detail
    assert "the autumn sale" in sheet.findings[0].detail
    for kind in Kind:
        assert (record(store).limit_day, record(store).allow) == (10, ())
        assert kind in progress(store, number, token).waiting_for
        sign_more(store, kind)
    found = record(store)
    assert (found.limit_day, found.allow, found.classes[-1]) == (50, ("*@example.com",), "cold_outreach")
    changed = last(store, "mailbox.limits_changed")
    assert (changed.actor, changed.widened, changed.changes["day"]) == ("system", True, [10, 50])
    assert progress(store, number, token).state == "approved"
    assert len([one for one in told(store) if one == "mailbox.activated"]) == 1


def test_a_veto_of_more_leaves_the_mailbox_as_it_is(store: Store) -> None:
    _, token = signed(store)
    number = widen(store, token)
    sign_more(store, Kind.OWNER)
    store.transact(lambda tx: signoffs.veto(tx, SALES, Kind.GOVERNANCE, actor=GAIL, reason="ten are enough"))
    shown = progress(store, number, token)
    assert (shown.state, shown.decided[-1].reason) == ("vetoed", "ten are enough")
    assert (record(store).status, record(store).limit_day) == ("active", 10)
    widen(store, token, fingerprint=b"again")


def test_a_mailbox_that_changed_meanwhile_is_signed_anew(store: Store) -> None:
    _, token = signed(store)
    widen(store, token)
    shown = store.look(lambda tx: signoffs.to_sign(tx, SALES, Kind.GOVERNANCE, actor=GAIL))
    sign_more(store, Kind.OWNER)
    narrower = Change(classes=[ContentClass.REPLY])
    store.transact(lambda tx: mailbox_settings.change_limits(tx, SALES, narrower, reason="only replies", actor=ALICE))
    with pytest.raises(Conflict, match="has changed since"):
        sign_more(store, Kind.GOVERNANCE, digest=shown.digest)
    for kind in (Kind.GOVERNANCE, Kind.DELIVERABILITY):
        sign_more(store, kind)
    assert record(store).limit_day == 10
    sign_more(store, Kind.OWNER)
    assert (record(store).limit_day, record(store).classes) == (50, ("reply",))


def test_whoever_requested_a_mailbox_does_not_sign_for_more_of_it(store: Store) -> None:
    make_keyed_desk(store)
    gus = person("gus", Role.GOVERNANCE)
    hire(store, gus)
    request(store, actor=gus, owner="olive")
    for kind in Kind:
        sign(store, kind)
    widen(store, enrol(store))
    with pytest.raises(Forbidden, match="a requester cannot approve"):
        sign_more(store, Kind.GOVERNANCE, actor=gus)
    with pytest.raises(Forbidden):
        sign_more(store, Kind.OWNER, actor=GAIL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": {"day": 10}},
        {"limits": {"fortnight": 5}},
        {"limits": {}},
        {"limits": {}, "allow": ("*",)},
        {"limits": {}, "classes": (ContentClass.REPLY,)},
        {"reason": "two\nlines"},
    ],
)
def test_more_must_be_more_and_never_everybody(store: Store, wrong: dict[str, Any]) -> None:
    _, token = signed(store)
    with pytest.raises(Invalid):
        widen(store, token, **wrong)


def test_nobody_asks_for_more_of_anothers_mailbox(store: Store) -> None:
    signed(store)
    with pytest.raises(NotFound):
        widen(store, enrol(store, agent="other-bot"))
