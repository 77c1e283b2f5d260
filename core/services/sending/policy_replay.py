"""Replay past decisions under another policy: the gate decides again, from the facts stored with each message.

These facts (`gate.judge`) are from the moment of the decision: a mailbox that has changed since does not change the
result. Where the policy asks for more consent than was asked then, the consent ledger is read as of that time.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from core.db.tables import CONSENT, MAILBOX, MESSAGE, POLICY_VERSION, RECIPIENT
from core.ids import spell_id
from core.model import Action, ContentClass, Hold, Mode, Reason, Verdict
from core.rules import budgets, modes
from core.rules.gate import GateInput, GateRecipient, Moment, SenderFacts, Task, decide, open_to
from core.rules.policy import Policy
from core.services import context
from core.services.sending import consent_facts, taint
from core.services.sending.consent_facts import Records

EXAMPLES: Final = 5
"""Messages listed for each pair of differing verdicts."""
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a policy would have decided. `verdicts` counts (then, now); `examples` lists messages where they differ."""

    messages: int
    then: dict[str, int]
    now: dict[str, int]
    verdicts: dict[tuple[str, str], int]
    examples: dict[tuple[str, str], tuple[str, ...]]


def replay(conn: Connection, policy: Policy, *, since: int) -> Replayed:
    """Compare what `policy` would have done with the messages accepted from `since` on with what was done then.

    Not covered: limits that only delay (hour, day, pace), refused submissions, of which nothing is kept, and words that
    raise a class, which are looked for when a message is composed.
    """
    in_force = {row.version: context.parsed(row.content) for row in conn.execute(select(POLICY_VERSION))}
    pairs: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[str]] = {}
    for page in _decided(conn, since):
        people, known = _consents(conn, page, policy)
        for row in page:
            before = in_force[row.policy_version]
            asks = _Asked(row, before, people=people.get(row.id, {}), known=known)
            pair = (row.facts.get("verdict") or _word(asks.of(before)), _word(asks.of(policy)))
            pairs[pair] += 1
            named = examples.setdefault(pair, [])
            if pair[0] != pair[1] and len(named) < EXAMPLES:
                named.append(spell_id("m", row.id))
    then, now = Counter[str](), Counter[str]()
    for (first, second), n in pairs.items():
        then[first] += n
        now[second] += n
    return Replayed(
        messages=pairs.total(),
        then=dict(then),
        now=dict(now),
        verdicts=dict(pairs),
        examples={pair: tuple(named) for pair, named in examples.items() if named},
    )


def _decided(conn: Connection, since: int) -> Iterator[Sequence[Row[Any]]]:
    """Pages of messages with the facts of their decision, the newest first; ids sort by creation."""
    m = MESSAGE.c
    columns = (
        m.id, m.kind, m.stream_id, m.policy_version, m.facts, m.submitted_at, m.recipients, MAILBOX.c.address,
        MAILBOX.c.limit_run,
    )  # fmt: skip
    page: Select[Any] = select(*columns).join(MAILBOX, MAILBOX.c.id == m.mailbox_id).order_by(m.id.desc()).limit(PAGE)
    rows = conn.execute(page).all()
    while rows:
        yield [row for row in rows if row.submitted_at >= since and row.facts]
        if rows[-1].submitted_at < since:
            return
        rows = conn.execute(page.where(m.id < rows[-1].id)).all()


def _consents(conn: Connection, page: Sequence[Row[Any]], policy: Policy) -> tuple[dict[int, dict[int, str]], Records]:
    """Recipients in classes that need consent under the policy, and the consent records on them."""
    ids = [row.id for row in page if {one.value for one in policy.consent.require} & set(_classes(row.facts))]
    people: dict[int, dict[int, str]] = {}
    if not ids:
        return people, {}
    r = RECIPIENT.c
    for row in conn.execute(select(r.message_id, r.n, r.address).where(r.message_id.in_(ids))):
        people.setdefault(row.message_id, {})[row.n] = row.address
    wanted = consent_facts.subjects(address for each in people.values() for address in each.values())
    return people, consent_facts.records(conn.execute(select(CONSENT).where(CONSENT.c.subject.in_(wanted))))


def _classes(facts: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys((facts["class"], *facts.get("classes", ()))))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One decision taken under `before`, to be made again. `people` is filled where consent may be asked."""

    row: Row[Any]
    before: Policy
    people: dict[int, str]
    known: Records

    def of(self, policy: Policy) -> Verdict:
        """The gate's verdict under this policy."""
        facts: dict[str, Any] = self.row.facts
        asked = GateInput(
            moment=Moment.ACCEPTANCE,
            sender=SenderFacts(mailbox=self.row.address, agent="", stream=""),  # what is barred is refused, not kept
            mode=modes.decide(Action(self.row.kind), Mode(facts["mode"])),
            content_class=ContentClass(facts["class"]),
            classes=tuple(ContentClass(name) for name in _classes(facts)),
            signed_off=facts["mailbox_classes"],
            held_classes=policy.classes.hold,
            outside=policy.allow_list.outside,
            reply_to_allowed=not facts.get("reply_to_outside", False),
            task=Task(
                run="the run",
                refuses=policy.runs.missing == "refuse",
                unsaid=tuple(name for name in facts.get("unsaid", ()) if name in policy.runs.require),
                declares_other=facts.get("declares_other", False),
            ),
            taint=taint.stored(facts),
            recipients=self._recipients(policy),
        )
        budget = self._budget(policy, asking=len(open_to(asked)))
        return decide(dataclasses.replace(asked, budget=budget)).verdict

    def _recipients(self, policy: Policy) -> tuple[GateRecipient, ...]:
        facts: dict[str, Any] = self.row.facts
        everybody = range(self.row.recipients)
        if "verdict" in facts:
            outside, suppressed = set(facts.get("outside_of", ())), dict(facts.get("suppressed_of", {}))
        else:  # facts from before recipients were listed: how many were left out is known, not which
            outside = set(everybody) if facts.get("outside") else set()
            suppressed = {str(n): "suppressed" for n in everybody[facts["recipients"] :]}
        return tuple(
            GateRecipient(
                n=n,
                allowed=n not in outside,
                on_task=n not in facts.get("off_task", ()),
                suppressed=suppressed.get(str(n)),
                consent=self._consent(policy, n),
            )
            for n in everybody
        )

    def _consent(self, policy: Policy, n: int) -> tuple[tuple[ContentClass, Verdict], ...]:
        """The outcome at the time, if the policy asks the same; otherwise from the ledger as of that time."""
        facts: dict[str, Any] = self.row.facts
        wanted = [ContentClass(name) for name in _classes(facts) if name in policy.consent.require]
        if policy.consent == self.before.consent:
            lacking = facts.get("consent_of", [[0, facts["class"]]] if facts.get("consent") else [])
            held = Hold((Reason("consent", "the record of consent is missing"),))
            return tuple((one, held) for one in wanted if [n, one.value] in lacking)
        return consent_facts.verdicts(
            self.known, self.people.get(n, ""), wanted, stream_id=self.row.stream_id, policy=policy,
            now=self.row.submitted_at,
        )  # fmt: skip

    def _budget(self, policy: Policy, *, asking: int) -> tuple[Reason, ...]:
        facts: dict[str, Any] = self.row.facts
        run_limit = facts.get("limit_run", self.row.limit_run)
        cap = policy.budgets.run.cap if run_limit is None else run_limit
        room = budgets.run_hold(facts["run_before"], asking=asking, cap=cap, confirmed_up_to=facts["run_confirmed"])
        reasons = [Reason(code, code) for code in facts.get("found", ())]
        newcomers = facts.get("newcomers")
        if newcomers is not None:
            rate = policy.budgets.agent.new_recipients_day
            allowed = budgets.agent_cap(rate if limit is None else limit for limit in newcomers["limits"])
            if newcomers["used"] + newcomers["fresh"] > allowed:
                reasons.append(Reason("new_recipients", "more first-time recipients than a day allows"))
        return (room.hold, *reasons) if room.hold else tuple(reasons)


def _word(verdict: Verdict) -> str:
    return type(verdict).__name__.lower()
