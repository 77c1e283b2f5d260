"""Old decisions are asked again of another policy, and the policy in force says what it said."""

from __future__ import annotations

from core.db.store import Store
from core.model import ContentClass, Mode
from core.rules.addresses import parse_address
from core.rules.policy import Policy, parse
from core.services.feedback import consents, suppressions
from core.services.feedback.consents import Entry
from core.services.identity import mailbox_settings
from core.services.sending import policy_replay
from tests.factories.delivery import many
from tests.factories.desk import ADDRESS, DORA, GAIL, OLIVE, WIDE, Bench, make_desk

RULES = """
[classes]
hold = ["internal"]
[consent]
require = ["notification"]
[budgets.run]
cap = 12
[budgets.agent]
new_recipients_day = 9
"""
NOTIFICATION, INTERNAL, COMMITMENT = ContentClass.NOTIFICATION, ContentClass.INTERNAL, ContentClass.COMMITMENT


def history(store: Store, policy: Policy) -> tuple[Bench, dict[str, int]]:
    """Mail that meets each question of the gate, and what the agents were answered: verdict -> how often."""
    desk = make_desk(
        store, mode=Mode.AUTONOMOUS, policy=policy,
        **(WIDE | {"limit_run": None, "limit_new_recipients_day": None, "allow": ["example.com"]}),
    )  # fmt: skip
    for subject in ("yes@example.com", "late@example.com"):
        entry = Entry(subject=subject, basis="opt_in", source="form")
        store.transact(lambda tx, one=entry: consents.add(tx, one, actor=OLIVE))  # type: ignore[misc]  # bound now
    store.transact(lambda tx: suppressions.add(tx, suppressions.Entry("gone@example.com"), actor=DORA))
    store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # a clock of tests
    answers = [
        desk.submit("jane@example.com"),
        desk.submit("jane@example.com", content_class=INTERNAL),
        desk.submit("jane@example.com", content_class=COMMITMENT),
        desk.submit("yes@example.com", content_class=NOTIFICATION),
        desk.submit("jane@example.com", content_class=NOTIFICATION),
        desk.submit(["jane@example.com", "ann@elsewhere.test"]),
        desk.submit(["jane@example.com", "gone@example.com"]),
        desk.submit("jane@example.com", reply_to=parse_address("eve@elsewhere.test")),
        *(desk.submit(to, run="run-2") for to in many(10)),
        *(desk.submit("jane@example.com", run="run-3") for _ in range(14)),
    ]
    words = {"queued": "execute", "pending": "hold"}
    told: dict[str, int] = {}
    for answer in answers:
        told[words[answer.status]] = told.get(words[answer.status], 0) + 1
    codes = {reason.code for answer in answers for reason in answer.reasons}
    assert codes >= {"class", "class_not_signed_off", "consent", "allow_list", "reply_to", "new_recipients", "run_cap"}
    return desk, told


def test_the_policy_in_force_says_again_what_was_said(store: Store) -> None:
    policy = parse(RULES)
    _, told = history(store, policy)
    change = mailbox_settings.Change(allow=["elsewhere.test"])
    store.transact(lambda tx: mailbox_settings.change_limits(tx, ADDRESS, change, reason="x", actor=GAIL))
    store.transact(lambda tx: consents.withdraw(tx, "yes@example.com", actor=OLIVE))
    store.transact(lambda tx: suppressions.add(tx, suppressions.Entry("jane@example.com"), actor=DORA))
    with store.read() as conn:
        found = policy_replay.replay(conn, policy, since=0)
    assert found.examples == {}
    assert found.then == found.now == told


def test_another_policy_is_asked_about_everything_the_gate_asks(store: Store) -> None:
    desk, told = history(store, parse(RULES))

    def held(text: str) -> int:
        with desk.store.read() as conn:
            found = policy_replay.replay(conn, parse(text), since=0)
        assert found.then == told
        return found.now["hold"]

    before = held(RULES)
    assert held(RULES.replace('hold = ["internal"]', "hold = []")) == before - 1
    assert held(RULES.replace('require = ["notification"]', "require = []")) == before - 1
    assert held(RULES.replace("cap = 12", "cap = 100")) == before - 2
    assert held(RULES.replace("new_recipients_day = 9", "new_recipients_day = 100")) < before
    asked = RULES.replace('require = ["notification"]', 'require = ["notification", "transactional"]')
    assert held(asked) == sum(told.values()) - 1, "all but the notification that has consent"


def test_consent_is_read_as_the_ledger_stood_then(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    entry = Entry(subject="yes@example.com", basis="opt_in", source="form")
    store.transact(lambda tx: consents.add(tx, entry, actor=OLIVE))
    desk.submit("yes@example.com", content_class=NOTIFICATION)
    desk.submit("no@example.com", content_class=NOTIFICATION)
    store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # a clock of tests
    store.transact(lambda tx: consents.withdraw(tx, "yes@example.com", actor=OLIVE))
    store.transact(lambda tx: consents.add(tx, Entry("no@example.com", basis="opt_in", source="form"), actor=OLIVE))
    with store.read() as conn:
        found = policy_replay.replay(conn, parse('[consent]\nrequire = ["notification"]'), since=0)
    assert found.verdicts == {("execute", "execute"): 1, ("execute", "hold"): 1}


def test_replay_says_what_another_policy_would_have_held(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_run": None}))
    since = store.clock.now()
    ids = [desk.submit(to).message_id for to in many(4)]
    with store.read() as conn:
        found = policy_replay.replay(conn, parse("[budgets.run]\ncap = 2"), since=since)
        assert policy_replay.replay(conn, Policy(), since=since).verdicts == {("execute", "execute"): 4}
        assert policy_replay.replay(conn, Policy(), since=since + 1).messages == 0
    assert (found.messages, found.then, found.now) == (4, {"execute": 4}, {"execute": 2, "hold": 2})
    assert found.verdicts == {("execute", "execute"): 2, ("execute", "hold"): 2}
    assert set(found.examples[("execute", "hold")]) == set(ids[2:])


def test_replay_says_what_a_looser_policy_would_have_let_go(store: Store) -> None:
    notices = parse('[classes]\nhold = ["notification"]')
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=notices, **WIDE)
    assert desk.submit(content_class=ContentClass.NOTIFICATION).status == "pending"
    desk.submit("ann@example.com")
    with store.read() as conn:
        found = policy_replay.replay(conn, Policy(), since=0)
    assert found.verdicts == {("hold", "execute"): 1, ("execute", "execute"): 1}


def test_replay_takes_consent_that_nobody_asked_for_as_missing(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit(content_class=ContentClass.NOTIFICATION)
    with store.read() as conn:
        held = policy_replay.replay(conn, parse('[consent]\nrequire = ["notification"]'), since=0)
        blocked = policy_replay.replay(conn, parse('[consent]\nrequire = ["notification"]\nmissing = "block"'), since=0)
    assert held.now == {"hold": 1}
    assert blocked.now == {"block": 1}


def test_replay_judges_recipients_outside_the_allow_list(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"allow": ["acme.test"]}))
    assert desk.submit("jane@example.com").status == "pending"
    with store.read() as conn:
        found = policy_replay.replay(conn, parse('[allow_list]\noutside = "block"'), since=0)
    assert found.verdicts == {("hold", "block"): 1}
