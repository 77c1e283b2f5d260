"""Recipients' records: whom nobody writes to, and who agreed to be written to."""

from __future__ import annotations

from typing import Any

import pytest

from core.db import audit_log
from core.db.queries import agents as views
from core.db.store import Store
from core.db.tables import STREAM
from core.demo.clock import FakeClock
from core.durations import DAY
from core.errors import Forbidden, Invalid, NotFound
from core.events import ConsentRecorded, SuppressionAdded
from core.model import Actor, ContentClass, Mode
from core.services.feedback import consents, suppressions
from core.services.feedback.csv_io import BadRow, Imported
from core.services.feedback.suppressions import Entry
from tests.factories import lists
from tests.factories.delivery import events
from tests.factories.desk import ALICE, DOMAIN, DORA, GAIL, OLIVE, ROOT, WIDE, Bench, make_desk

BOT = Actor("agent", "support-bot")


def add(store: Store, address: str = "Jane@Example.com", *, actor: Actor = ALICE, **more: Any) -> int | None:
    return store.transact(lambda tx: suppressions.add(tx, Entry(address, **more), actor=actor))


def remove(store: Store, address: str = "jane@example.com", *, actor: Actor = DORA, **more: Any) -> int:
    return store.transact(lambda tx: suppressions.remove(tx, address, reason="she asked", actor=actor, **more))


def addresses(store: Store) -> list[tuple[str, str | None]]:
    with store.read() as conn:
        return [(one.address, one.stream) for one in suppressions.listed(conn, now=store.clock.now())]


def bring(store: Store, text: str, *, actor: Actor = ALICE) -> Imported:
    [batch] = lists.suppression_batches(text.splitlines(keepends=True))
    return store.transact(lambda tx: suppressions.import_batch(tx, batch, actor=actor))


# --- suppressions -------------------------------------------------------------------------------------------------


def test_a_suppressed_address_gets_nothing_until_deliverability_removes_it(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    assert add(store) is not None
    assert desk.submit("jane@example.com").error == "recipients_suppressed"
    kept = desk.submit(["jane@example.com", "ann@example.com"])
    assert [one.status for one in kept.recipients] == ["blocked", "queued"]
    for actor in (ALICE, GAIL, BOT):
        with pytest.raises(Forbidden):
            remove(store, actor=actor)
    assert remove(store, "JANE@example.com") == 1
    assert desk.submit("jane@example.com").status == "queued"
    told = events(store, "suppression.added", "suppression.removed")
    assert [event.actor for event in told] == ["alice", "dora"]
    assert "example" not in repr(told), "addresses stay out of the log"


def test_adding_again_changes_nothing_unless_it_reaches_further(store: Store) -> None:
    make_desk(store)
    soon = store.clock.now() + DAY
    assert add(store, expires_at=soon, stream=DOMAIN) is not None
    assert add(store, expires_at=soon, stream=DOMAIN) is None
    assert add(store, stream=DOMAIN) is not None, "for good, not for a day"
    assert add(store) is not None, "on every stream, not on one"
    assert add(store) is add(store, stream=DOMAIN) is add(store, expires_at=soon) is None
    assert len(events(store, "suppression.added")) == 3


def test_a_record_of_some_classes_covers_those_alone_and_survives_export_and_import(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    assert add(store, classes="notification, cold_outreach") is not None
    assert add(store, classes="notification") is None
    assert desk.submit("jane@example.com").status == "queued"
    assert desk.submit("jane@example.com", content_class=ContentClass.NOTIFICATION).error == "recipients_suppressed"
    with store.read() as conn:
        written = lists.exported(conn, now=store.clock.now())
    assert "cold_outreach,notification" in written
    assert bring(store, written) == Imported(0, 1, ())
    assert add(store, classes="reply") is not None, "another class"
    assert add(store) is not None, "every class"
    with pytest.raises(Invalid):
        add(store, "ann@example.com", classes="nonsense")
    assert remove(store) == 3
    with pytest.raises(NotFound):
        remove(store)
    assert add(store) is not None


def test_a_record_of_a_stream_binds_that_stream_and_ends_with_its_time(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    add(store, stream=DOMAIN, expires_at=store.clock.now() + DAY)
    assert addresses(store) == [("jane@example.com", DOMAIN)]
    assert desk.submit().error == "recipients_suppressed"
    clock.advance(micros=DAY)
    assert desk.submit().status == "queued"
    assert addresses(store) == []
    with pytest.raises(NotFound):
        add(store, stream="no.acme.test")
    with pytest.raises(Invalid):
        add(store, expires_at=store.clock.now())


@pytest.mark.parametrize("actor", [ROOT, BOT])
def test_agents_and_admins_suppress_nobody(store: Store, actor: Actor) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        add(store, actor=actor)
    with pytest.raises(Forbidden):
        bring(store, "jane@example.com\n", actor=actor)
    assert addresses(store) == []


def test_bad_rows_of_a_list_are_named_and_the_rest_is_kept(store: Store) -> None:
    make_desk(store)
    add(store, "known@example.com")
    done = bring(
        store,
        "address,stream,cause,expires_at\n"
        "ann@example.com,,bounced,\n"
        "not an address,,,\n"
        "\n"
        f"Bob@Example.com,{DOMAIN},,2027-01-01\n"
        "eve@example.com,other.acme.test,,\n"
        "old@example.com,,,2020-01-01\n"
        "when@example.com,,,tomorrow\n"
        "known@example.com,,,\n"
        "ann@example.com,,,\n",
    )
    assert (done.added, done.known) == (2, 2)
    assert [row.line for row in sorted(done.bad, key=lambda row: row.line)] == [3, 6, 7, 8]
    assert BadRow(6, "there is no stream other.acme.test") in done.bad
    assert addresses(store)[1:] == [("ann@example.com", None), ("bob@example.com", DOMAIN)]
    told = events(store, "suppression.added")
    assert isinstance(told[-1], SuppressionAdded)
    assert told[-1].count == 2


def test_bare_addresses_are_a_list_too_and_long_ones_come_in_hands(store: Store) -> None:
    make_desk(store)
    assert bring(store, "\ufeffann@example.com\nbob@example.com\n").added == 2
    many = (f"r{n}@example.com\n" for n in range(1_200))
    assert [len(batch.rows) for batch in lists.suppression_batches(many)] == [500, 500, 200]


def test_an_export_can_be_imported_again(store: Store) -> None:
    make_desk(store)
    bring(store, f"address,stream,cause,expires_at\nann@example.com,,bounced,2027-01-01\nbob@example.com,{DOMAIN},,\n")
    with store.read() as conn:
        text = lists.exported(conn, now=store.clock.now())
    assert text.splitlines()[0] == "address,stream,cause,source,added_at,expires_at,reason,classes"
    before = addresses(store)
    assert bring(store, text).added == 0
    remove(store, "ann@example.com")
    remove(store, "bob@example.com", stream=DOMAIN)
    assert bring(store, text).added == 2
    assert addresses(store) == before


def test_suppressions_are_listed_in_pages_and_by_address(store: Store) -> None:
    make_desk(store)
    for name in "abc":
        add(store, f"{name}@example.com")
    with store.read() as conn:
        first = suppressions.listed(conn, now=0, limit=2)
        rest = suppressions.listed(conn, now=0, after=first[-1].id)
        [one] = suppressions.listed(conn, now=0, address="B@example.com")
    assert [view.address[0] for view in (*first, *rest)] == ["a", "b", "c"]
    assert (one.address, one.cause, one.added_by) == ("b@example.com", "manual", "alice")


# --- consent ------------------------------------------------------------------------------------------------------


def outreach(store: Store) -> Bench:
    """A mailbox signed off for a class that needs consent; policy holds nothing else of it."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, classes=["notification", "cold_outreach"], **WIDE)

    def dress(tx: Any) -> None:
        tx.write(STREAM.update().values(organisation="Acme", postal_address="1 Main St"))

    store.transact(dress)
    return desk


def consent(store: Store, subject: str = "jane@example.com", *, actor: Actor = OLIVE, **more: Any) -> int:
    values: dict[str, Any] = {"basis": "opt-in", "source": "form 7"} | more
    return store.transact(lambda tx: consents.add(tx, consents.Entry(subject, **values), actor=actor))


def reasons(desk: Bench) -> set[str]:
    answer = desk.submit(content_class=ContentClass.COLD_OUTREACH)
    return {reason.code for reason in answer.reasons} or {answer.error or answer.status}


def test_consent_lifts_the_hold_for_its_want_and_a_withdrawal_blocks(store: Store) -> None:
    desk = outreach(store)
    assert "consent" in reasons(desk)
    consent(store)
    assert "consent" not in reasons(desk)
    withdrawn = store.transact(lambda tx: consents.withdraw(tx, "Jane@example.com", actor=ALICE, reason="she wrote"))
    assert withdrawn == 1
    assert reasons(desk) == {"consent_required"}
    told = events(store, "consent.recorded", "consent.withdrawn")
    assert [event.type for event in told] == ["consent.recorded", "consent.withdrawn"]
    with pytest.raises(NotFound):
        store.transact(lambda tx: consents.withdraw(tx, "jane@example.com", actor=ALICE))


def test_a_domain_s_consent_speaks_for_its_addresses(store: Store) -> None:
    desk = outreach(store)
    consent(store, "@Example.com", scope="cold_outreach", region="de")
    assert "consent" not in reasons(desk)
    with store.read() as conn:
        [one] = consents.listed(conn, subject="example.com")
    assert (one.subject, one.basis, one.region, one.added_by) == ("example.com", "opt_in", "DE", "olive")


@pytest.mark.parametrize("actor", [BOT, ALICE, GAIL, ROOT])
def test_only_owners_record_consent_and_agents_never_do(store: Store, actor: Actor) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        consent(store, actor=actor)
    [batch] = lists.consent_batches(["jane@example.com,opt-in,form 7\n"])
    with pytest.raises(Forbidden):
        store.transact(lambda tx: consents.import_batch(tx, batch, actor=actor))
    with store.read() as conn:
        assert consents.listed(conn) == []


def test_consent_that_documents_nothing_is_refused(store: Store) -> None:
    make_desk(store)
    for wrong in (
        {"basis": "a feeling"},
        {"source": "  "},
        {"scope": "spam"},
        {"region": "Atlantis"},
        {"subject": "nobody at all"},
        {"given_at": store.clock.now() + 1},
    ):
        with pytest.raises(Invalid):
            consent(store, **wrong)
    with pytest.raises(NotFound):
        consent(store, stream="no.acme.test")


def test_a_list_of_consent_keeps_what_is_good_and_adds_nothing_twice(store: Store) -> None:
    make_desk(store)
    text = [
        "subject,basis,source,stream,given_at,scope\n",
        f"ann@example.com,consent,form 7,{DOMAIN},2025-01-01,*\n",
        'acme.example,contract,deal 12,,2025-02-01,"notification,cold_outreach"\n',
        "bob@example.com,hunch,none,,,\n",
        "eve@example.com,consent,,,,\n",
        "kim@example.com,consent,form 7,,2030-01-01,\n",
        "lee@example.com,consent,form 7,other.acme.test,,\n",
    ]
    [batch] = lists.consent_batches(text)
    done = store.transact(lambda tx: consents.import_batch(tx, batch, actor=OLIVE))
    assert (done.added, done.known, sorted(row.line for row in done.bad)) == (2, 0, [4, 5, 6, 7])
    again = store.transact(lambda tx: consents.import_batch(tx, batch, actor=OLIVE))
    assert (again.added, again.known) == (0, 2)
    [told] = events(store, "consent.recorded")
    assert isinstance(told, ConsentRecorded)
    assert told.count == 2
    with store.read() as conn:
        first, second = consents.listed(conn)
    assert (first.stream, second.scope) == (DOMAIN, "cold_outreach,notification")


def test_the_reason_stays_in_the_record_and_out_of_the_log(store: Store) -> None:
    make_desk(store)
    entry = Entry("jane@example.com", reason="  she asked Ann on the phone  ")
    store.transact(lambda tx: suppressions.add(tx, entry, actor=ALICE))
    with store.read() as conn:
        (one,) = suppressions.listed(conn, now=store.clock.now())
        (shown,) = views.suppressions(conn, now=store.clock.now())
        sheet = lists.exported(conn, now=store.clock.now())
        told = [entry.event.data() for entry in audit_log.read(conn, after=0)]
    assert one.reason == shown.reason == "she asked Ann on the phone"
    assert "she asked Ann on the phone" in sheet
    assert "phone" not in repr(told)
    (batch,) = lists.suppression_batches(sheet.splitlines(keepends=True))
    assert batch.rows[0][1].reason == "she asked Ann on the phone"
