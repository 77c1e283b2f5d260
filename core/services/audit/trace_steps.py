"""Steps of a trace: each log entry, run and tool call becomes one step with a sentence.

The log holds numbers. Recipients' addresses are looked up in tables that erasure may purge; if it did, the step says
so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, select

from core import events as facts
from core.db.audit_log import Entry
from core.db.queries import events as lines
from core.db.queries import message as messages
from core.db.queries.message import last_attempt
from core.db.tables import AGENT, BODY, MESSAGE, RECIPIENT, RUN, TOKEN
from core.durations import stamp
from core.events import Event
from core.model import plural
from core.rules import identity_findings
from core.services.audit import trace_received
from core.views.message import Waits
from core.views.trace import Step

BATCH_SIZE: Final = 100
WAITING: Final = 10
"""Messages whose wait is explained, the newest: the explanation is computed, not looked up."""
KINDS: Final = (
    "run", "received", "call", "submitted", "decision", "departure", "feedback", "consequence", "read", "change",
    "note", "waits",
)  # fmt: skip
"""The order of steps at the same instant."""


class People:
    """Recipients of the messages of a story, keyed by message and number."""

    def __init__(self, conn: Connection, ids: Sequence[int]) -> None:
        self.rows: dict[tuple[int, int], Row[Any]] = {}
        for at in range(0, len(ids), BATCH_SIZE):
            found = conn.execute(select(RECIPIENT).where(RECIPIENT.c.message_id.in_(ids[at : at + BATCH_SIZE])))
            self.rows |= {(row.message_id, row.n): row for row in found}

    def given(self, message: int | None, n: int) -> str:
        row = self.rows.get((message or 0, n))
        return f"recipient {n}" if row is None else str(row.given)

    def address(self, message: int | None, n: int) -> str | None:
        row = self.rows.get((message or 0, n))
        return None if row is None else str(row.address)

    def reply(self, message: int | None, n: int, attempt: int) -> str:
        """The receiver's reply to this attempt; only the reply to the last attempt is kept."""
        row = self.rows.get((message or 0, n))
        return "" if row is None or last_attempt(row) != attempt else str(row.reply or "")

    def of(self, message: int) -> list[Row[Any]]:
        return [row for (one, _), row in self.rows.items() if one == message]


def run_steps(conn: Connection, runs: Collection[int]) -> Iterable[Step]:
    """Steps for runs: human -> run -> agent, with the versions of prompt and tools."""
    c = RUN.c
    rows = conn.execute(
        select(RUN, AGENT.c.name.label("agent"), TOKEN.c.issued_by)
        .join(AGENT, AGENT.c.id == c.agent_id)
        .outerjoin(TOKEN, TOKEN.c.id == c.token_id)
        .where(c.id.in_(runs))
    )
    for row in rows:
        if row.implicit:
            who = f"untraced: {row.agent} named no run; this one is of token {row.token_id} (issued by {row.issued_by})"
        else:
            via = "".join(f" -> {one}" for one in row.via or ())
            who = f"{row.user or 'an unnamed user'}{via} started run {row.key} of {row.agent}"
        versions = [
            f"{what} {version}"
            for what, version in (
                ("agent", row.agent_version),
                ("prompt", row.prompt_version),
                ("tools", row.tools_version),
            )
            if version
        ]
        if row.purpose:
            versions.append(f"to {row.purpose}")
        if row.targets:
            versions.append(f"for {', '.join(row.targets[:5])}{' and more' if len(row.targets) > 5 else ''}")
        data = {
            "run": row.key,
            "purpose": row.purpose,
            "targets": list(row.targets or ()),
            "agent": row.agent,
            "user": row.user,
            "via": list(row.via or ()),
        }
        yield Step(row.opened_at, "run", row.user or row.agent, " · ".join([who, *versions]), data=data)


def calls(conn: Connection, rows: Sequence[Row[Any]]) -> Iterable[Step]:
    """Yield a single message's tool call as the agent issued it; once retention has purged it, a note instead."""
    if len(rows) != 1:
        return
    issued = conn.execute(select(BODY.c.issued).where(BODY.c.message_id == rows[0].id)).scalar()
    if issued is None:
        text = "the request as issued is no longer kept; its digest is in the log"
        yield Step(rows[0].submitted_at, "call", f"agent:{rows[0].agent}", text, message=rows[0].id)
        return
    try:
        request = orjson.loads(issued)
    except orjson.JSONDecodeError:
        return
    run = request.get("run") if isinstance(request, dict) else None
    call = run.get("tool_call") if isinstance(run, dict) else None
    if isinstance(call, dict):
        listed = ", ".join(sorted(call.get("arguments") or {}))
        text = f"called {call.get('name') or 'a tool'}({listed})"
        yield Step(
            rows[0].submitted_at, "call", f"agent:{rows[0].agent}", text, message=rows[0].id, data={"tool_call": call}
        )


def step_of(
    entry: Entry,
    messages: Mapping[int, Row[Any]],
    people: People,
    *,
    received: Mapping[int, Row[Any]] | None = None,
    runs: Mapping[int, str] | None = None,
    noted: Mapping[int, str] | None = None,
) -> Step:
    """Convert a log entry to a step; `messages` and `received` are the rows of the story's messages.

    `noted` are the texts of the operators' notes.
    """
    event = entry.event
    row = messages.get(event.message or 0)
    line = (
        trace_received.step(event, (received or {}).get(event.message or 0), runs or {})
        or _handed_in(event, row)
        or _decided(event)
        or _worked_on(event)
        or _travelled(event, people)
        or _came_of_it(event, people)
        or _read(event)
        or _signed(event)
        or _credential(event)
    )
    if isinstance(event, facts.ReviewNoted):
        line = "note", f"{event.actor} noted: {(noted or {}).get(event.note, 'a text that is no longer kept')}"
    kind, text = line or ("change", f"{event.type} by {event.actor} {lines.detail(event.data())}".rstrip())
    data: dict[str, Any] = {**event.data()}
    if isinstance(event, facts.EmailSubmitted) and row is not None:
        data |= {"tokens": tokens(row)}
    return Step(entry.at, kind, event.actor, text, event.message, entry.seq, data)


def tokens(row: Row[Any]) -> list[dict[str, Any]]:
    """The token a message was submitted with, then the one that was delegated from; the last names the issuer."""
    if row.token_id is None or row.issued_by is None:
        return []
    chain = [{"id": row.token_id, "issued_by": row.issued_by}]
    if row.parent_id is not None:
        chain.append({"id": row.parent_id, "issued_by": row.parent_issued_by})
    return chain


def _by_token(row: Row[Any] | None) -> str:
    chain = tokens(row) if row is not None else []
    if not chain:
        return ""
    names = ", delegated from ".join(f"token {one['id']}" for one in chain)
    return f", with {names}, issued by {chain[-1]['issued_by']}"


Output = tuple[str, str] | None
"""The kind of a step and its sentence."""


def _handed_in(event: Event, row: Row[Any] | None) -> Output:
    match event:
        case facts.EmailSubmitted():
            subject = f" {row.subject!r}" if row is not None else ""
            to = plural(event.recipients, "recipient")
            what = f"{event.actor} submitted{subject} to {to}, class {event.content_class}"
            return "submitted", f"{what}, digest {event.digest[:12]}{_by_token(row)}"
        case facts.EmailPending():
            return "decision", f"held ({', '.join(event.reasons)}) until {stamp(event.expires_at)}"
        case facts.EmailScheduled():
            return "decision", f"scheduled for {stamp(event.send_at)}; all checks run again before it is sent"
        case facts.EmailQueued() if row is not None and row.released_at == row.submitted_at:
            return "decision", f"allowed by mode {(row.facts or {}).get('mode', '?')}, policy {row.policy_version}"
        case _:
            return None


def _decided(event: Event) -> Output:
    match event:
        case facts.EmailApproved():
            looked = "unopened" if event.dwell_ms is None else f"after {event.dwell_ms / 1_000:.1f} s"
            over = f" over failed checks ({', '.join(event.overridden)})" if event.overridden else ""
            return "decision", f"approved by {event.actor} {looked}{over}, policy {event.policy}{_why(event.reason)}"
        case facts.EmailRejected():
            return "decision", f"rejected by {event.actor}{_why(event.reason)}"
        case facts.EmailApprovalUndone():
            return "decision", f"{event.actor} undid the approval"
        case facts.EmailRejectionUndone():
            return "decision", f"{event.actor} undid the rejection"
        case facts.EmailExpired():
            return "decision", "expired: nobody decided in time"
        case _:
            return None


def _worked_on(event: Event) -> Output:
    match event:
        case facts.EmailReturned():
            return "decision", f"returned to its agent by {event.actor}: {event.reason}"
        case facts.EmailEdited():
            return "decision", f"edited by {event.actor}: digest {event.before[:12]} became {event.digest[:12]}"
        case facts.ReviewClaimed():
            return "change", f"{event.actor} claimed it until {stamp(event.until)}"
        case facts.ReviewClaimReleased():
            return "change", f"{event.actor} gave the claim back"
        case _:
            return None


def _travelled(event: Event, people: People) -> Output:
    match event:
        case facts.EmailSent():
            text = f"{people.given(event.message, event.n)}: accepted by {event.site or 'the receiver'}"
            return "departure", text + _reply_suffix(event, people)
        case facts.EmailDeferred():
            text = f"{_attempt(event, people)}, again at {stamp(event.next_at)}"
            return "departure", text + _reply_suffix(event, people)
        case facts.EmailFailed():
            return "departure", f"{_attempt(event, people)}, {event.cause}" + _reply_suffix(event, people)
        case facts.EmailUncertain():
            who = people.given(event.message, event.n)
            return "departure", f"{who}: uncertain whether it arrived; policy: {event.then}"
        case facts.EmailSuppressed():
            return "decision", f"{people.given(event.message, event.n)} left out: suppressed ({event.cause})"
        case _:
            return None


def _reply_suffix(event: facts.EmailSent | facts.EmailDeferred | facts.EmailFailed, people: People) -> str:
    reply = people.reply(event.message, event.n, event.attempt)
    return f": {reply}" if reply else ""


def _attempt(event: facts.EmailDeferred | facts.EmailFailed, people: People) -> str:
    code = f"{event.code or ''} {event.enhanced or ''}".strip() or "no reply"
    what = event.type.removeprefix("email.")
    return f"{people.given(event.message, event.n)}: {what} at {event.stage} ({code}), attempt {event.attempt}"


def _came_of_it(event: Event, people: People) -> Output:
    match event:
        case facts.EmailDelivered() | facts.EmailBounced() | facts.EmailComplained() | facts.EmailUnsubscribed():
            what = event.type.removeprefix("email.")
            return "feedback", f"{people.given(event.message, event.n)}: {what}, says {event.source}"
        case facts.AgentSuspended() | facts.AgentWarned() | facts.SuppressionAdded():
            return "consequence", f"{event.type.replace('.', ' ')}: {lines.detail(event.data())}"
        case _:
            return None


def _read(event: Event) -> Output:
    match event:
        case facts.EmailRead():
            token = f", token {event.token}" if event.token is not None else ""
            return "read", f"{event.actor} read the {event.what} ({event.door}{token})"
        case facts.EmailTagged():
            return "change", f"{event.actor} set {event.count} tags (token {event.token})"
        case facts.ContactAdded() | facts.ContactChanged() | facts.ContactRemoved():
            what = event.type.removeprefix("contact.")
            return "change", f"{event.actor} {what} contact {event.contact} (token {event.token})"
        case _:
            return None


def _signed(event: Event) -> Output:
    """Describe a signature on an identity, and what it overrode: a reason that nobody reads is worthless."""
    match event:
        case facts.MailboxOwnerApproved() | facts.MailboxGovernanceApproved() | facts.MailboxSignedOff():
            by = Counter(event.checklist.values())
            counts = f"{by['desk']} items verified by the desk, {by['signer']} affirmed" if by else "no checklist kept"
            text = f"{event.type} by {event.actor}: {counts}{_why(event.reason)}"
            against = {
                code: seen for code, seen in event.found_false.items() if event.checklist.get(code) == "override"
            }
            text += "".join(
                f" · overrode the failed check {code} ({seen}): {event.reasons.get(code)}"
                for code, seen in against.items()
            )
            notes = {code: why for code, why in event.reasons.items() if code not in against}
            text += "".join(f" · on {code}: {why}" for code, why in notes.items())
            digests = (("record", event.record_digest), ("shown", event.shown_digest))
            return "change", text + "".join(f" · {name} {digest[:12]}" for name, digest in digests if digest)
        case _:
            return None


def _credential(event: Event) -> Output:
    """Describe what happened to an agent's tokens: who made which from which, and who revoked it."""
    match event:
        case facts.TokenIssued():
            test = "test token" if event.test else "token"
            return "change", f"{event.actor} issued {test} {event.token}: {_reach(event.scopes, event)}"
        case facts.TokenDelegated():
            chain = f"token {event.token}, delegated from token {event.parent}"
            return "change", f"{event.actor} made {chain}: {_reach(event.scopes, event)}"
        case facts.TokenRevoked():
            return "change", f"{event.actor} revoked token {event.token}{_why(event.reason)}"
        case facts.IdentityDrilled():
            result = identity_findings.drill_result(event.failures, event.unreached).value
            why = ", ".join(event.failures or [f"not tried at {one}" for one in event.unreached])
            tokens_ = f"{plural(len(event.revoked), 'token')} revoked, {len(event.restored)} reissued"
            return "change", f"{event.actor} ran a revocation drill ({tokens_}): {result}{_why(why)}"
        case _:
            return None


def _reach(scopes: Sequence[str], event: facts.TokenIssued | facts.TokenDelegated) -> str:
    run = f", run {event.bound_run}" if event.bound_run is not None else ""
    return f"{', '.join(scopes)}{run}, until {stamp(event.expires_at)}"


def _why(reason: str | None) -> str:
    return f": {reason}" if reason else ""


# --- what is still waiting ---


def waiting(conn: Connection, ids: Sequence[int], *, address: str | None, now: int) -> Iterator[Step]:
    """Why the newest of these have not left: the question that a story ending at `queued` leaves open."""
    open_ones = select(MESSAGE.c.id).where(MESSAGE.c.id.in_(ids), MESSAGE.c.final_at.is_(None))
    for number in conn.execute(open_ones.order_by(MESSAGE.c.id.desc()).limit(WAITING)).scalars():
        people: dict[Waits, list[str]] = {}
        for one, waits in messages.waiting(conn, number, now=now):
            if address in (None, one):
                people.setdefault(waits, []).append(one)
        for waits, recipients in people.items():
            who = recipients[0] if len(recipients) == 1 else f"{recipients[0]} and {len(recipients) - 1} more"
            until = "" if waits.until is None else f", until {stamp(waits.until)}"
            yield Step(now, "waits", "system", f"{who} waits for {waits.text}{until}", message=number)
