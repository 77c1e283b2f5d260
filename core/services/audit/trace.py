"""Trace: everything known about a message, a recipient, a run, an agent or a person, in time order.

A key is tried as what it looks like: first as one of our own marks (each is authenticated by its HMAC), then by looking
up rows. A key with one of our domains and none of our marks is reported as not ours, which answers "did our agent send
this, or somebody else?". Every lookup uses an index and every list is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from core import events as facts
from core.db import audit_log
from core.db.audit_log import Entry
from core.db.tables import AGENT, LOG_ENTRY, MAILBOX, MESSAGE, RECIPIENT, REVIEW, RUN, STREAM, TOKEN
from core.durations import DAY
from core.errors import Invalid
from core.ids import read_id, spell_id
from core.model import Feedback, Status, plural
from core.rules import signed_ids
from core.rules.addresses import parse_address
from core.rules.signed_ids import HmacKeys
from core.services.audit import trace_received
from core.services.audit.trace_steps import KINDS, People, calls, run_steps, step_of, waiting
from core.services.control import notes
from core.services.control.notes import Subject
from core.services.control.read_log import What
from core.views.trace import MOST, Step, Story

_PARENT: Final = TOKEN.alias()
LOG: Final = LOG_ENTRY

RUNS: Final = 20
NEARBY: Final = 20
"""Log entries searched before and after a feedback event for its consequences, which share its transaction."""
_HEADER: Final = re.compile(
    r"(message-id|x-postroom-message-id|cfbl-feedback-id|return-path|in-reply-to)\s*:\s*", re.IGNORECASE
)


def trace(conn: Connection, key: str, keyring: HmacKeys, *, now: int | None = None) -> Story:
    """Trace a message id, Message-ID, X-Postroom-Message-ID, return path, provider id, address, run or name.

    Also a CFBL-Feedback-ID. `agent/run` selects among several runs with one key. With `now`, the story ends with what
    is still waiting, and for what. Reads only.
    """
    story = _found(conn, key, keyring)
    if now is None or not story.messages:
        return story
    address = key.strip().lower() if story.kind == "recipient" else None
    return replace(story, steps=(*story.steps, *waiting(conn, story.messages, address=address, now=now)))


def _found(conn: Connection, key: str, keyring: HmacKeys) -> Story:
    bare_key = _HEADER.sub("", key.strip(), count=1).strip()
    if not bare_key or len(bare_key) > 1_000:
        return Story(key[:1_000], "nothing", None, "nothing was found")
    for look in (
        _by_mark,
        _by_item,
        _by_message_id,
        _by_provider_id,
        _by_mailbox,
        _by_address,
        _by_run,
        _by_agent,
        _by_incident,
    ):
        story = look(conn, bare_key, keyring)
        if story is not None:
            return story
    return _by_user(conn, bare_key) or _stranger(conn, bare_key)


# --- recognizing the key ------------------------------------------------------------------------------------------


def _by_mark(conn: Connection, key: str, keyring: HmacKeys) -> Story | None:
    """Look up one of our marks, each of which carries its own proof."""
    path = signed_ids.read_return_path(key, keyring)
    if path is not None:
        story = _of_messages(conn, key, "return path", [path[0]])
        return story and _with_note(story, f"made for recipient {path[1]}: {_given(conn, *path)}")
    token = signed_ids.read_unsubscribe_token(key.rpartition("/u/")[2], keyring)
    if token is not None:
        return _of_messages(conn, key, "unsubscribe link", [token[0]])
    number = signed_ids.read_trace_header(key, keyring)
    if number is not None:
        return _of_messages(conn, key, "X-Postroom-Message-ID", [number])
    number = signed_ids.read_complaint_id(key, keyring)
    if number is not None:
        return _of_messages(conn, key, "CFBL-Feedback-ID", [number])
    number = signed_ids.read_message_id(key, keyring)
    if number is None:
        return None
    return _of_messages(conn, key, "Message-ID", trace_received.with_threads(conn, [number]), about=number)


def _by_item(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    number = read_id("m", key)
    if number is not None:
        return _of_messages(conn, key, "message", trace_received.with_threads(conn, [number]), about=number)
    number = read_id("a", key)
    if number is None:
        return None
    item = conn.execute(select(REVIEW).where(REVIEW.c.id == number)).first()
    if item is None:
        return None
    steps = [_item_step(item)]
    if item.decided_at is not None:
        why = f": {item.reason}" if item.reason else ""
        steps.append(Step(item.decided_at, "decision", item.decided_by or "system", f"{item.status}{why}"))
    return Story(key, "action", True, f"{item.kind} of {item.target}: {item.status}", steps=tuple(steps))


def _item_step(item: Row[Any]) -> Step:
    held = "; ".join(one["text"] for one in item.reasons)
    return Step(item.submitted_at, "submitted", "agent", f"asked to {item.kind} {item.target}; held: {held}")


def _by_message_id(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    """Look up the row: its key may have left the ring, or a relay wrote its own (then it is a provider id).

    Otherwise it may be received mail's.
    """
    if "@" not in key:
        return None
    bare = f"<{key.strip('<> ')}>"
    ids = conn.execute(select(MESSAGE.c.id).where(MESSAGE.c.rfc_message_id == bare).limit(MOST)).scalars().all()
    if ids:
        return _of_messages(conn, key, "Message-ID", trace_received.with_threads(conn, ids), about=ids[0])
    came = trace_received.by_message_id(conn, bare, limit=MOST)
    if not came:
        return None
    return _of_messages(conn, key, "Message-ID", trace_received.with_threads(conn, came), about=came[0])


def _by_provider_id(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    bare = key.strip("<> ")
    spellings = {key, bare, f"<{bare}>", bare.partition("@")[0]}
    r = RECIPIENT.c
    ids = conn.execute(select(r.message_id).where(r.provider_id.in_(spellings)).distinct().limit(MOST)).scalars().all()
    return _of_messages(conn, key, "provider id", ids) if ids else None


def _by_mailbox(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    mailbox = conn.execute(select(MAILBOX.c.id, MAILBOX.c.address).where(MAILBOX.c.address == key.lower())).first()
    if mailbox is None:
        return None
    entries = _log(conn, select(LOG).where(LOG.c.mailbox == mailbox.id, LOG.c.message.is_(None)))
    ids = _newest(conn, select(MESSAGE.c.id).where(MESSAGE.c.mailbox_id == mailbox.id))
    return _of_messages(
        conn, key, "mailbox", ids, further=entries, verdict=f"{mailbox.address} is a mailbox of this desk"
    )


def _by_address(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    """Look up a recipient or an author. None for an address that only started runs, which `_by_user` finds."""
    if "@" not in key or key.startswith("<"):
        return None
    try:
        address = parse_address(key).normalised
    except Invalid:
        return None
    r = RECIPIENT.c
    found = select(r.message_id).where(r.address == address).distinct()
    ids = conn.execute(found.order_by(r.message_id.desc()).limit(MOST + 1)).scalars().all()
    came = trace_received.by_author(conn, address, limit=MOST + 1)
    if not ids and not came:
        return None
    went_to = f"{_counted(ids)} of this desk went to {address}" if ids else ""
    came_from = f"{_counted(came)} came from {address}" if came else ""
    verdict = ", ".join(part for part in (went_to, came_from) if part)
    kind = "recipient" if ids else "author"
    return _of_messages(conn, key, kind, sorted({*ids, *came}, reverse=True), address=address, verdict=verdict)


def _counted(ids: Sequence[int]) -> str:
    return f"more than {MOST} messages" if len(ids) > MOST else plural(len(ids), "message")


def _by_run(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    name, slash, run_key = key.partition("/")
    agents = {row.id: row.name for row in conn.execute(select(AGENT.c.id, AGENT.c.name))}
    if slash:
        agents = {number: one for number, one in agents.items() if one == name}
    c = RUN.c
    keys = (run_key, key) if slash else (key,)
    rows = conn.execute(select(c.id, c.agent_id, c.key).where(c.agent_id.in_(agents), c.key.in_(keys)).limit(RUNS))
    runs = rows.all()
    if not runs:
        return None
    story = _of_runs(conn, key, "run", [row.id for row in runs])
    if len(runs) > 1:
        choices = ", ".join(f"{agents[row.agent_id]}/{row.key}" for row in runs)
        return _with_note(story, f"several agents have a run of this name; ask for one: {choices}")
    return story


def _by_agent(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    agent = conn.execute(select(AGENT).where(AGENT.c.name == key)).first()
    if agent is None:
        return None
    mailboxes = conn.execute(select(MAILBOX.c.id).where(MAILBOX.c.agent_id == agent.id)).scalars().all()
    entries = _log(conn, select(LOG).where(LOG.c.agent == agent.id, LOG.c.message.is_(None)))
    ids = [
        one
        for mailbox in mailboxes
        for one in _newest(conn, select(MESSAGE.c.id).where(MESSAGE.c.mailbox_id == mailbox))
    ]
    verdict = f"{agent.name} is an agent of this desk, {agent.status}"
    return _of_messages(conn, key, "agent", sorted(ids, reverse=True), further=entries, verdict=verdict)


def _by_incident(conn: Connection, key: str, _keyring: HmacKeys) -> Story | None:
    """Look up a name under which operators have left notes."""
    found = notes.listed(conn, about=Subject(incident=key))
    if not found:
        return None
    steps = tuple(Step(one.at, "note", one.operator, f"{one.operator} noted: {one.text}") for one in found)
    return Story(key, "incident", True, f"an incident with {plural(len(steps), 'note')}", steps=steps)


def _by_user(conn: Connection, key: str) -> Story | None:
    c = RUN.c
    runs = conn.execute(select(c.id).where(c.user == key).order_by(c.id.desc()).limit(RUNS)).scalars().all()
    return _of_runs(conn, key, "user", runs) if runs else None


def _stranger(conn: Connection, key: str) -> Story:
    """Report that nothing was found, and whether the key carries one of our domains."""
    domain = key.strip("<> ").rpartition("@")[2].lower()
    streams = conn.execute(select(STREAM.c.domain)).scalars().all() if "@" in key else ()
    for our_domain in streams:
        if domain == our_domain or domain.endswith(f".{our_domain}"):
            return Story(
                key, "stranger", False,
                f"not ours: it has our domain {our_domain}, but no message of this desk has it, "
                "so a person, another system or a forger sent it",
            )  # fmt: skip
    return Story(key, "nothing", None, "not found, and not from one of this desk's domains")


# --- the story ----------------------------------------------------------------------------------------------------


def _of_runs(conn: Connection, key: str, kind: str, runs: Sequence[int]) -> Story:
    ids = [one for run in runs for one in _newest(conn, select(MESSAGE.c.id).where(MESSAGE.c.run_id == run))]
    steps = list(run_steps(conn, runs))
    verdict = f"{len(runs)} runs" if len(runs) > 1 else "a run"
    who = "started by this person" if kind == "user" else "of this desk"
    main = _of_messages(conn, key, kind, sorted(ids, reverse=True), verdict=f"{verdict} {who}")
    listed = {(step.at, step.text) for step in main.steps} if main else set()
    more = [step for step in steps if (step.at, step.text) not in listed]
    base = main or Story(key, kind, ours=True, verdict=f"{verdict} {who}, without a message")
    return Story(
        key, kind, base.ours, base.verdict, base.messages, _in_order([*base.steps, *more]), base.notes, base.truncated
    )


def _of_messages(
    conn: Connection,
    key: str,
    kind: str,
    ids: Sequence[int],
    *,
    verdict: str | None = None,
    address: str | None = None,
    further: Iterable[Entry] = (),
    about: int | None = None,
) -> Story | None:
    """The story of these messages, sent or received; None if there are none, and no `further`.

    `address` narrows it to one person. `about` is the message that was asked for, if others are of its thread.
    """
    shown = list(dict.fromkeys(ids))[:MOST]
    rows = conn.execute(_MESSAGES.where(MESSAGE.c.id.in_(shown))).all()
    came = trace_received.rows(conn, shown)
    names = People(conn, shown)
    steps: list[Step] = []
    entries = {entry.seq: entry for entry in further}
    if rows or came:
        entries |= {one.seq: one for one in _log(conn, select(LOG).where(LOG.c.message.in_(shown)), limit=40 * MOST)}
        entries |= {one.seq: one for one in _consequences(conn, entries.values())}
        steps += run_steps(conn, {row.run_id for row in rows})
        steps += calls(conn, [row for row in rows if about in (None, row.id)])
    elif not entries:
        return None
    by_id = {row.id: row for row in rows}
    runs = trace_received.run_keys(conn, {one.event.run for one in entries.values() if one.event.run is not None})
    noted = notes.texts(conn, [one.event.note for one in entries.values() if isinstance(one.event, facts.ReviewNoted)])
    for entry in entries.values():
        if isinstance(entry.event, facts.EmailRead) and entry.event.what == What.TRACE:
            continue  # otherwise each look at the story would add a line to it
        step = step_of(entry, by_id, names, received=came, runs=runs, noted=noted)
        n = getattr(entry.event, "n", None)
        if address is None or n is None or names.address(entry.event.message, n) == address:
            steps.append(step)
    if verdict is None and about in came:
        verdict = trace_received.verdict(came[about], len(rows))
    text = verdict or _verdict([row for row in rows if about in (None, row.id)], names)
    known = sorted({*by_id, *came}, reverse=True)
    return Story(
        key, kind, True, text, messages=tuple(known), steps=_in_order(steps),
        notes=_notes(rows, names, address, entries.values()), truncated=len(set(ids)) > MOST,
    )  # fmt: skip


def _in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Sort by time; at the same instant, steps without a log entry come first."""
    return tuple(sorted(steps, key=lambda step: (step.at, step.seq or 0, KINDS.index(step.kind))))


def _consequences(conn: Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Consequences of feedback: suspensions, warnings and suppressions of the same transaction."""
    found: list[Entry] = []
    for entry in entries:
        if isinstance(entry.event, facts.EmailBounced | facts.EmailComplained | facts.EmailUnsubscribed):
            c = LOG.c
            near = select(LOG).where(
                c.seq.between(entry.seq - NEARBY, entry.seq + NEARBY), c.at == entry.at, c.type.in_(_BROUGHT)
            )
            found += [one for one in _log(conn, near) if one.event.agent in (None, entry.event.agent)]
    return found


_BROUGHT: Final = ("agent.suspended", "agent.warned", "suppression.added")


def _verdict(rows: Sequence[Row[Any]], names: People) -> str:
    if len(rows) != 1:
        return f"{len(rows)} messages of this desk"
    row = rows[0]
    came = sorted({str(one.feedback) for one in names.of(row.id) if one.feedback})
    return f"ours: {row.agent} made it at {row.mailbox}, {row.status}" + (f", then {', '.join(came)}" if came else "")


def _notes(rows: Sequence[Row[Any]], names: People, address: str | None, entries: Iterable[Entry]) -> tuple[str, ...]:
    """Notes on the question behind the lookup: whether mail arrived twice, once or perhaps twice."""
    notes = []
    uncertain = {(e.event.message, e.event.n) for e in entries if isinstance(e.event, facts.EmailUncertain)}
    for row in rows:
        for one in names.of(row.id):
            if one.status == Status.SENT and (row.id, one.n) in uncertain:
                notes.append(f"{spell_id('m', row.id)} may have reached {one.given} twice, with one Message-ID")
            if one.feedback == Feedback.COMPLAINED:
                notes.append(f"{one.given} reported {spell_id('m', row.id)} as spam")
    if address is not None:
        notes += _alike([row for row in rows if row.status == Status.SENT])
    return tuple(dict.fromkeys(notes))


def _alike(rows: Sequence[Row[Any]]) -> list[str]:
    """Note messages with the same subject, mailbox and recipient within a day: two messages, not one sent twice."""
    notes, earlier = [], dict[tuple[int, str], Row[Any]]()
    for row in sorted(rows, key=lambda one: one.id):
        before = earlier.get((row.mailbox_id, row.subject))
        if before is not None and row.submitted_at - before.submitted_at <= DAY:
            notes.append(f"{spell_id('m', row.id)} repeats {spell_id('m', before.id)}: the agent submitted it twice")
        earlier[row.mailbox_id, row.subject] = row
    return notes


def _with_note(story: Story, note: str) -> Story:
    return Story(
        story.key, story.kind, story.ours, story.verdict, story.messages, story.steps, (note, *story.notes),
        story.truncated,
    )  # fmt: skip


def _given(conn: Connection, message_id: int, n: int) -> str:
    r = RECIPIENT.c
    found = conn.execute(select(r.given).where(r.message_id == message_id, r.n == n)).scalar()
    return str(found or "unknown (data no longer kept)")


def _newest(conn: Connection, query: Select[Any]) -> list[int]:
    return list(conn.execute(query.order_by(MESSAGE.c.id.desc()).limit(MOST + 1)).scalars())


def _log(conn: Connection, query: Select[Any], *, limit: int = 4 * MOST) -> list[Entry]:
    """Return the newest of these entries."""
    return [audit_log.entry(row) for row in conn.execute(query.order_by(LOG.c.seq.desc()).limit(limit))]


_MESSAGES: Final[Select[Any]] = (
    select(
        MESSAGE.c.id, MESSAGE.c.mailbox_id, MESSAGE.c.run_id, MESSAGE.c.status, MESSAGE.c.subject, MESSAGE.c.facts,
        MESSAGE.c.policy_version, MESSAGE.c.submitted_at, MESSAGE.c.released_at, AGENT.c.name.label("agent"),
        MAILBOX.c.address.label("mailbox"), MESSAGE.c.token_id, TOKEN.c.issued_by, TOKEN.c.parent_id,
        _PARENT.c.issued_by.label("parent_issued_by"),
    )
    .join(AGENT, AGENT.c.id == MESSAGE.c.agent_id)
    .join(MAILBOX, MAILBOX.c.id == MESSAGE.c.mailbox_id)
    .outerjoin(TOKEN, TOKEN.c.id == MESSAGE.c.token_id)
    .outerjoin(_PARENT, _PARENT.c.id == TOKEN.c.parent_id)  # a delegated token is not delegated further
    .order_by(MESSAGE.c.id.desc())
)  # fmt: skip
