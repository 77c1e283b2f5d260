"""No path leads to a message of a consent-needing class leaving without a record or a human.

A walk over the real verbs on a real database, in any order: agents hand in mail of any class, people record, import and
withdraw consent, change policy, mode and allow-list, approve, take back, suppress; time passes; workers claim, and
whatever it is happens between the claim and the attempt. What may leave is said by an oracle of its own, which knows
the records as they were entered and nothing of the rules that the gate asks.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import select, update

from core.db.queue import Claimed
from core.db.store import Store
from core.db.tables import MAILBOX, REVIEW, STREAM
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.errors import PostroomError, Refused
from core.model import ContentClass, Mode, Outcome, Reply
from core.rules.policy import Policy
from core.services.control import policy as control_policy
from core.services.control import retention
from core.services.feedback import consents, suppressions
from core.services.feedback.csv_io import RowBatch
from core.services.identity import mailbox_settings
from core.services.sending import delivery, review
from tests.db.empty_database import Fresh
from tests.factories import effort
from tests.factories.delivery import OK, attempt, claim, number, settle
from tests.factories.desk import ADDRESS, ALICE, BOB, DORA, GAIL, OLIVE, WIDE, make_desk

COLD, COMMITMENT = ContentClass.COLD_OUTREACH, ContentClass.COMMITMENT
PLAIN, NOTICE = ContentClass.TRANSACTIONAL, ContentClass.NOTIFICATION
PEOPLE: Final = ("jane@one.test", "joe@one.test", "ann@two.test")
SUBJECTS: Final = (*PEOPLE, *PEOPLE, "one.test", "two.test")
PROMISE: Final = "We will refund you tomorrow."
DEFERRED: Final = Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example")

bases = st.sampled_from(["opt_in", "opt_in", "contract", "legitimate_interest"])
regions = st.sampled_from([None, "US", "DE", "CA", "GB"])
scopes = st.sampled_from(["*", "*", "cold_outreach", "cold_outreach,notification", "commitment", "transactional"])
cached = st.sampled_from([None, None, HOUR, 3 * DAY])
classes = st.sampled_from([PLAIN, NOTICE, COLD, COLD, COMMITMENT])
required = st.sampled_from(
    [*[(COLD,)] * 5, (), (COMMITMENT,), (PLAIN,), (NOTICE,), (COLD, COMMITMENT), (COMMITMENT, PLAIN)]
)
policies_in_force = st.fixed_dictionaries(
    {
        "consent": st.fixed_dictionaries(
            {
                "require": required,
                "missing": st.sampled_from(["hold", "block"]),
                "prior_consent_regions": st.sampled_from([("CA", "EU", "UK"), ("CA",), (), ("DE", "US")]),
                "unknown_region": st.sampled_from(["require", "require", "allow"]),
            }
        ),
        "classes": st.fixed_dictionaries({"hold": st.sampled_from([*[()] * 6, (COMMITMENT,), (COLD, COMMITMENT)])}),
        "review": st.fixed_dictionaries({"four_eyes": st.sampled_from([(), (COMMITMENT,), (COLD,)])}),
        "allow_list": st.fixed_dictionaries({"outside": st.sampled_from(["hold", "block"])}),
        "delivery": st.fixed_dictionaries({"uncertain": st.sampled_from(["retry", "hold"])}),
    }
)


@dataclass(slots=True)
class Output:
    """A record of consent as somebody entered it."""

    subject: str
    basis: str
    scope: str
    region: str | None
    given_at: int
    expires_at: int | None
    withdrawn_at: int | None = None


@dataclass(slots=True)
class Handed:
    """A message as it was handed in, with every class that it is."""

    to: str
    classes: set[ContentClass]
    approvers: list[str] = field(default_factory=list)
    needs: int = 1
    approved: bool = False


def asks_first(region: str | None, policy: Policy) -> bool:
    """The law as the policy spells it; the countries of the walk only."""
    names = {None: set[str](), "US": {"US"}, "DE": {"DE", "EU"}, "CA": {"CA"}, "GB": {"GB", "UK"}}[region]
    if region is None:
        return policy.consent.unknown_region == "require"
    return bool(names & set(policy.consent.prior_consent_regions))


def lets(said: list[Output], *, to: str, content_class: ContentClass, policy: Policy, now: int) -> bool:
    """Whether the records let one class go to one person, in the words of the issue and not of the rule."""
    covering = [one for one in said if one.scope == "*" or content_class.value in one.scope.split(",")]
    own = [one for one in covering if one.subject == to]
    speaking = own or [one for one in covering if one.subject == to.partition("@")[2]]
    ended = max((one.withdrawn_at for one in speaking if one.withdrawn_at is not None), default=-1)
    return any(
        one.withdrawn_at is None
        and one.given_at > ended
        and (one.expires_at is None or one.expires_at > now)
        and (one.basis == "opt_in" or not asks_first(one.region, policy))
        for one in speaking
    )


def took_back(said: list[Output], *, to: str, content_class: ContentClass) -> bool:
    """Whether somebody withdrew and has given nothing since."""
    covering = [one for one in said if one.scope == "*" or content_class.value in one.scope.split(",")]
    speaking = [one for one in covering if one.subject == to]
    speaking = speaking or [one for one in covering if one.subject == to.partition("@")[2]]
    ended = max((one.withdrawn_at for one in speaking if one.withdrawn_at is not None), default=None)
    return ended is not None and not any(one.withdrawn_at is None and one.given_at > ended for one in speaking)


class Desk(RuleBasedStateMachine):
    """The desk under the walk."""

    @initialize(
        policy=policies_in_force, mode=st.sampled_from([*[Mode.AUTONOMOUS] * 4, Mode.GATED_SEND]),
        known=st.lists(st.sampled_from(SUBJECTS), max_size=3, unique=True),
    )  # fmt: skip
    def found(self, policy: dict[str, Any], mode: Mode, known: list[str]) -> None:
        self.clock = FakeClock()
        self.fresh = Fresh(self.clock)
        self.store: Store = self.fresh.store
        every = [one.value for one in (PLAIN, NOTICE, COLD, COMMITMENT)]
        self.policy = Policy.model_validate(policy)
        self.bench = make_desk(self.store, mode=mode, policy=self.policy, **(WIDE | {"classes": every}))
        sender = {"organisation": "Acme Ltd", "postal_address": "1 Main St"}
        self.write(update(STREAM).values(**sender))
        self.said: list[Output] = []
        self.mail: dict[int, Handed] = {}
        self.written_to: set[str] = set()
        self.taken: list[Claimed] = []
        for subject in known:
            self.consent_is_recorded(subject, "opt_in", "*", None, None, imported=False)

    def teardown(self) -> None:
        if hasattr(self, "fresh"):
            self.fresh.close()

    def write(self, statement: Any) -> None:
        self.store.transact(lambda tx: tx.write(statement))

    def moment(self) -> None:
        """What a door remembers of a mailbox is a second old at most."""
        self.clock.advance(seconds=2)

    # --- the agent ---

    @rule(to=st.sampled_from(PEOPLE), content_class=classes, promises=st.booleans())
    def hands_in(self, to: str, content_class: ContentClass, promises: bool) -> None:  # noqa: FBT001 - hypothesis names it
        self.moment()
        text = PROMISE if promises else "It is on its way."
        before = to in self.written_to
        with contextlib.suppress(Refused):
            answer = self.bench.submit(to, content_class=content_class, text=text, run=f"r{len(self.mail)}")
            if answer.message_id is None:
                return
            kinds = {content_class} | ({COMMITMENT} if promises else set()) | (set() if before else {COLD})
            self.mail[number(answer.message_id)] = Handed(to, kinds)
            if answer.status == "queued":
                self.check_may_go(number(answer.message_id), "accepted")

    # --- people: records ---

    @rule(
        subject=st.sampled_from(SUBJECTS), basis=bases, scope=scopes, region=regions,
        lasts=cached, imported=st.booleans(),
    )  # fmt: skip
    def consent_is_recorded(
        self,
        subject: str,
        basis: str,
        scope: str,
        region: str | None,
        lasts: int | None,
        imported: bool,  # noqa: FBT001
    ) -> None:
        self.moment()
        now = self.clock.now()
        entry = consents.Entry(
            subject=subject, basis=basis, source="form", scope=scope, region=region, given_at=now,
            expires_at=now + lasts if lasts else None,
        )  # fmt: skip
        if imported:
            batch = RowBatch(((2, entry),), ())
            self.store.transact(lambda tx: consents.import_batch(tx, batch, actor=OLIVE))
        else:
            self.store.transact(lambda tx: consents.add(tx, entry, actor=OLIVE))
        self.said.append(Output(subject, basis, scope, region, now, entry.expires_at))

    @rule(which=st.integers(0, 20))
    def consent_is_withdrawn(self, which: int) -> None:
        self.moment()
        living = sorted({one.subject for one in self.said if one.withdrawn_at is None})
        if living:
            self.withdraws(living[which % len(living)])

    def withdraws(self, subject: str) -> None:
        if not any(one.subject == subject and one.withdrawn_at is None for one in self.said):
            return
        self.store.transact(lambda tx: consents.withdraw(tx, subject, actor=ALICE, reason="she called"))
        for one in self.said:
            if one.subject == subject and one.withdrawn_at is None:
                one.withdrawn_at = self.clock.now()

    @rule(to=st.sampled_from(PEOPLE), off=st.booleans())
    def suppressed_or_let_go(self, to: str, off: bool) -> None:  # noqa: FBT001
        self.moment()
        with contextlib.suppress(PostroomError):
            if off:
                self.store.transact(lambda tx: suppressions.remove(tx, to, reason="wrote to us", actor=DORA))
            else:
                self.store.transact(lambda tx: suppressions.add(tx, suppressions.Entry(address=to), actor=ALICE))

    # --- people: policy, mode, allow-list, decisions ---

    @rule(policy=policies_in_force)
    def policy_changes(self, policy: dict[str, Any]) -> None:
        self.moment()
        new = Policy.model_validate(policy)
        self.store.transact(lambda tx: control_policy.apply_policy(tx, new, reason="other times", actor=GAIL))
        self.policy = new

    @rule(mode=st.sampled_from([Mode.AUTONOMOUS, Mode.AUTONOMOUS, Mode.GATED_SEND, Mode.GATED_ALL]))
    def mode_changes(self, mode: Mode) -> None:
        self.moment()
        # A mode rises a rung a day in life; here it may jump, so that more of the walk is on the open road.
        self.write(update(MAILBOX).values(mode=mode.value, mode_since=self.clock.now()))

    @rule(allow=st.sampled_from([["*"], ["one.test"], ["two.test", "jane@one.test"]]))
    def allow_list_changes(self, allow: list[str]) -> None:
        self.moment()
        change = mailbox_settings.Change(allow=allow)
        self.store.transact(lambda tx: mailbox_settings.change_limits(tx, ADDRESS, change, reason="x", actor=GAIL))

    @rule(which=st.integers(0, 20), who=st.sampled_from([ALICE, BOB]), delay=st.sampled_from([0, 10_000_000]))
    def human_approves(self, which: int, who: Any, delay: int) -> None:
        self.moment()
        c = REVIEW.c
        pending = self.store.rows(select(c.id, c.needs).where(c.status == "pending").order_by(c.id))
        if not pending:
            return
        row = pending[which % len(pending)]
        decision = review.Decision(row.id, approve=True, delay=delay)
        with contextlib.suppress(Refused):
            decided = self.store.transact(lambda tx: review.decide(tx, decision, actor=who))
            mail = self.mail[row.id]
            mail.needs = row.needs
            mail.approvers.append(who.name)
            mail.approved = decided.status == "approved"

    @rule(which=st.integers(0, 20), undo=st.booleans())
    def human_takes_back_or_rejects(self, which: int, undo: bool) -> None:  # noqa: FBT001
        self.moment()
        if not self.mail:
            return
        message = sorted(self.mail)[which % len(self.mail)]
        with contextlib.suppress(Refused):
            if undo:
                self.store.transact(lambda tx: review.undo(tx, message, actor=ALICE))
            else:
                no = review.Decision(message, approve=False)
                self.store.transact(lambda tx: review.decide(tx, no, actor=ALICE))
            self.mail[message].approved = False
            self.mail[message].approvers.clear()

    # --- the desk ---

    @rule(hours=st.sampled_from([0, 1, 5, 80]))
    def time_passes(self, hours: int) -> None:
        self.moment()
        self.clock.advance(micros=hours * HOUR)
        for chore in (delivery.reclaim, review.release_due, review.expire_due, retention.purge_due):
            self.store.transact(chore)

    @rule()
    def worker_claims(self) -> None:
        self.moment()
        if not self.taken:
            self.taken = claim(self.store)

    @rule(then=st.sampled_from(["settles", "settles", "defers", "dies"]))
    def mail_leaves(self, then: str) -> None:
        """What was claimed some steps ago, or what is free now."""
        self.moment()
        taken, self.taken = self.taken or claim(self.store), []
        going = attempt(self.store, taken)
        leaving = [one for one in taken if one.key in going]
        for one in leaving:
            self.check_may_go(one.message_id, "leaves")
        if then == "settles":
            self.written_to.update(one.address for one in leaving)
        if then != "dies":
            settle(self.store, leaving, reply=OK if then == "settles" else DEFERRED)

    @rule(
        to=st.sampled_from(PEOPLE), content_class=st.sampled_from([COLD, COLD, COMMITMENT, PLAIN]), lasts=cached,
        between=st.lists(
            st.sampled_from(["withdrawn", "withdrawn", "hour", "claim", "policy", "mode"]), min_size=1, max_size=3
        ),
        policy=policies_in_force, known=st.booleans(),
    )  # fmt: skip
    def one_is_seen_off(
        self, to: str, content_class: ContentClass, lasts: int | None, between: list[str], policy: dict[str, Any],
        known: bool,  # noqa: FBT001
    ) -> None:  # fmt: skip
        """The whole way of one message at one go, and what comes between: chance alone seldom brings it about."""
        if known:
            self.consent_is_recorded(to, "opt_in", "*", None, lasts, imported=False)
        self.hands_in(to, content_class, promises=content_class is COMMITMENT)
        for what in between:
            match what:
                case "withdrawn":
                    self.withdraws(to)
                case "hour":
                    self.time_passes(1)
                case "claim":
                    self.worker_claims()
                case "policy":
                    self.policy_changes(policy)
                case _:
                    self.mode_changes(Mode.AUTONOMOUS)
        self.mail_leaves("settles")

    # --- what never happens ---

    def check_may_go(self, message: int, how: str) -> None:
        """A record for each class that needs one under the policy in force, or a human."""
        mail = self.mail[message]
        for content_class in mail.classes & set(self.policy.consent.require):
            assert not took_back(self.said, to=mail.to, content_class=content_class), f"{mail.to} took it back"
        if mail.approved:
            assert len(set(mail.approvers)) >= mail.needs, f"{message} {how} with {mail.approvers}"
            return
        for content_class in mail.classes & set(self.policy.consent.require):
            assert lets(self.said, to=mail.to, content_class=content_class, policy=self.policy, now=self.clock.now()), (
                f"{content_class} {how} to {mail.to} without a record or a human"
            )


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=effort.times(15, 200), stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
