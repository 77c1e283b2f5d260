"""Taint: what an agent has read from strangers, and the mail that its runs send afterwards.

A stranger's mail can tell an agent what to do. So the desk notes which mail a run has read from a sender that it cannot
vouch for, and the gate holds whatever that run then writes to anyone outside that thread, whatever the mode.
An author is a stranger unless the message passes DMARC and people have vouched for the address: it is on the mailbox's
allow-list, has a recorded consent, or received mail that a person approved. What agents can do themselves never counts;
otherwise a tainted run could vouch for the attacker, and the next run would be clean.

Which runs are tainted: reading with a token that a person bound to a run taints that run, for its life. With any other
token the holder names the run, so all such tokens of an agent share their taint: every run that begins before the end
of the next hour (the hour of the next implicit run) is tainted for as long as it lasts. Nothing that an agent does
clears taint.

A message's taint is stored when it is accepted (`message.tainted_by`, `facts`), and departure checks it again from
there. Mail accepted before the read cannot repeat what was read: its bytes no longer change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, or_, select, update

from core.db import gate_queries
from core.db.gate_queries import RunFacts, SenderState, TokenFacts
from core.db.tables import (
    AGENT,
    CONSENT,
    INBOUND_ADDRESS,
    INBOUND_MESSAGE,
    MAILBOX,
    MESSAGE,
    RECIPIENT,
    REVIEW,
    RUN,
    STREAM,
    TAINT,
)
from core.db.transaction import Transaction
from core.domains import organisational_domain
from core.durations import DAY, HOUR
from core.events import RunTainted
from core.ids import spell_id
from core.model import Actor, Status
from core.rules import addresses, consent, mailbox_providers
from core.rules.consent import Basis
from core.rules.gate import Taint
from core.rules.signed_ids import HmacKeys, read_message_id
from core.services.sending import consent_facts, run_context
from core.services.sending.submission import Prepared, RunClaim

HOLD: Final = "hold"
OFF: Final = "off"
MOST: Final = 100
"""Messages of one run that are compared one by one; a run that has read more writes to nobody without a person."""
LISTED: Final = 50
"""Messages that one event names."""
APPROVED: Final = 20
"""Earlier messages to an address that are looked at for a person's approval."""

NOTED: Final = 30 * DAY
"""How long what was read may stand behind a note that names no run."""

_T: Final = TAINT.c


# --- reading ----------------------------------------------------------------------------------------------------------


def note_read(
    tx: Transaction, inbound: Iterable[int], *, token: TokenFacts, keyring: HmacKeys, setting: str = HOLD,
    indirect: Collection[int] = (), unsigned: Collection[int] = (),
) -> int | None:  # fmt: skip
    """Record that the holder of this token is shown these received messages; returns one that taints it, if any does.

    Must be called, and committed, before any of a message is shown: body, subject, excerpt, attachment or thread.
    `indirect` are messages that notes, tags or mail of the agent's own may repeat: each stands for all that the
    writer had read, so they taint even if people have vouched for the author since. Of `unsigned` ones fields are
    shown that no signature covers: whoever has one signed message can send it again with such fields added.
    """
    wanted = list(dict.fromkeys([*inbound, *indirect]))
    if setting == OFF or not wanted or token.test:
        return None
    sure = {*indirect, *unsigned}
    strange = [row for row in _read(tx, wanted) if row.id in sure or not _vouched(tx, row, keyring)]
    if not strange:
        return None
    run = run_context.open_run(tx, token, RunClaim()) if token.own_run else None
    until = None if run is not None else (tx.now // HOUR + 2) * HOUR
    mine = [_T.agent_id == token.agent_id, _T.run_id.is_(None) if run is None else _T.run_id == run.id]
    noted = {
        row.inbound_id: row
        for row in tx.all(select(TAINT).where(*mine, _T.inbound_id.in_([row.id for row in strange])).order_by(_T.id))
    }
    new = [row for row in strange if row.id not in noted]
    holds = setting == HOLD
    wider = [row.id for row in noted.values() if (until is not None and row.until < until) or (holds and not row.holds)]
    if wider:
        tx.write(update(TAINT).where(_T.id.in_(wider)).values(until=until, **({"holds": True} if holds else {})))
    if narrower := [row.id for row in noted.values() if row.inbound_id in indirect and not row.indirect]:
        tx.write(update(TAINT).where(_T.id.in_(narrower)).values(indirect=True))
    for row in new:
        tx.add(
            TAINT,
            {
                "agent_id": token.agent_id, "run_id": None if run is None else run.id, "until": until,
                "inbound_id": row.id, "mailbox_id": row.mailbox_id, "thread": row.thread, "holds": holds,
                "indirect": row.id in indirect, "read_at": tx.now,
            },
        )  # fmt: skip
    if new:
        tx.write(
            update(AGENT).where(AGENT.c.id == token.agent_id, AGENT.c.tainted_at.is_(None)).values(tainted_at=tx.now)
        )
        tx.emit(
            RunTainted(
                actor=str(Actor("agent", token.agent_name)), agent=token.agent_id, token=token.id,
                run=None if run is None else run.id, message=new[-1].id, mailbox=new[-1].mailbox_id,
                messages=[spell_id("m", row.id) for row in new[:LISTED]], count=len(new), until=until,
                holds=holds,
            )
        )  # fmt: skip
    return int(strange[-1].id)


def of_sent(tx: Transaction, sent: Collection[int]) -> tuple[list[int], list[int]]:
    """The received messages that taint these messages of our own, in two lists: of the same thread, and others.

    What a tainted run wrote may repeat what it had read, so reading it counts as reading that. An answer that stayed
    in its thread repeats that thread only; any other names one message of several.
    """
    m = MESSAGE.c
    if not sent:
        return [], []
    found = tx.all(select(m.tainted_by, m.facts).where(m.id.in_(sent), m.tainted_by.is_not(None)))
    inside: set[int] = set()
    outside: set[int] = set()
    for row in found:
        known = stored(row.facts)
        (outside if known is None or known.outside else inside).add(int(row.tainted_by))
    return sorted(inside), sorted(outside)


def of_tags(tx: Transaction, received: Collection[int], sent: Collection[int]) -> list[int]:
    """The received messages that the tags of these messages may repeat."""
    found: set[int] = set()
    for table, shown in ((INBOUND_MESSAGE, received), (MESSAGE, sent)):
        by = table.c.tags_tainted_by
        if shown:
            found |= {int(row[0]) for row in tx.all(select(by).where(table.c.id.in_(shown), by.is_not(None)))}
    return sorted(found)


def of_token(tx: Transaction, token: TokenFacts, *, known: int | None = None) -> int | None:
    """The received message that taints what this token's holder writes down now, the newest if several do.

    Notes name no run. So a token that no person bound to a run may be used in any run of the agent that is still
    tainted: what such tokens have read in the last `NOTED` counts. `known` is a message that does not count, because
    whoever is shown the note is shown that message anyway.
    """
    if token.own_run:
        run = gate_queries.run(tx, agent_id=token.agent_id, key=token.run_key or "")
        mine: ColumnElement[bool] = _T.run_id == (-1 if run is None else run.id)
    else:
        mine = _T.run_id.is_(None) & (_T.until > tx.now - NOTED)
    if known is not None:
        mine &= (_T.inbound_id != known) | _T.indirect
    row = tx.one(select(_T.inbound_id).where(_T.agent_id == token.agent_id, mine).order_by(_T.id.desc()).limit(1))
    return None if row is None else int(row.inbound_id)


# --- the gate's fact --------------------------------------------------------------------------------------------------


def of_message(tx: Transaction, prepared: Prepared, mailbox: SenderState, *, run: RunFacts) -> tuple[Taint, int] | None:
    """What taints a submitted message, and the id of the received message that does; None for nothing.

    Reads nothing while the agent has never read mail of a stranger.
    """
    if mailbox.tainted_at is None:
        return None
    token = gate_queries.token(tx, prepared.token_id)
    own_run = token is not None and token.own_run
    rows = tx.batch_cache.get(
        ("taint", mailbox.agent_id, run.id, own_run), lambda: _of_run(tx, mailbox.agent_id, run.id, own_run=own_run)
    )
    if not rows:
        return None
    for holds in (True, False):
        listed = [row for row in rows if bool(row.holds) is holds]
        outside, by = _outside(tx, listed, prepared)
        if by is not None:
            return Taint(by=spell_id("m", by), outside=outside, holds=holds), by
    by = int(rows[0].inbound_id)
    return Taint(by=spell_id("m", by)), by


def stored(facts: Mapping[str, Any]) -> Taint | None:
    """The taint that was stored with a message when it was accepted."""
    found = facts.get("taint")
    if found is None:
        return None
    return Taint(by=str(found["by"]), outside=frozenset(found["outside"]), holds=bool(found["holds"]))


def as_facts(taint: Taint | None) -> dict[str, Any] | None:
    """A taint as it is stored with its message."""
    return None if taint is None else {"by": taint.by, "outside": sorted(taint.outside), "holds": taint.holds}


# --- helpers ----------------------------------------------------------------------------------------------------------


def _of_run(tx: Transaction, agent_id: int, run_id: int, *, own_run: bool) -> Sequence[Row[Any]]:
    """What the run may have read, the newest first."""
    mine: ColumnElement[bool] = _T.run_id == run_id
    if not own_run:
        begun = select(RUN.c.opened_at).where(RUN.c.id == run_id).scalar_subquery()
        mine = or_(mine, _T.run_id.is_(None) & (_T.until > begun))
    return tx.all(select(TAINT).where(_T.agent_id == agent_id, mine).order_by(_T.id.desc()).limit(MOST + 1))


def _outside(tx: Transaction, rows: Sequence[Row[Any]], prepared: Prepared) -> tuple[frozenset[int], int | None]:
    """Recipients that are outside the thread of one of these messages, and that message."""
    everybody = frozenset(target.n for target in prepared.targets)
    here = (prepared.mailbox_id, prepared.conversation)
    for row in rows:
        if row.indirect or len(rows) > MOST or not prepared.threaded or (row.mailbox_id, row.thread) != here:
            return everybody, int(row.inbound_id)
    people = _participants(tx, [row.inbound_id for row in rows])
    outside: set[int] = set()
    by = None
    for row in rows:
        inside = people.get(row.inbound_id, frozenset())
        strange = {target.n for target in prepared.targets if target.address.normalised not in inside}
        if strange and by is None:
            by = int(row.inbound_id)
        outside |= strange
    return frozenset(outside), by


def _participants(tx: Transaction, inbound: Collection[int]) -> dict[int, frozenset[str]]:
    """For each received message whom an answer to it may reach: its author, and a Reply-To of the author's own.

    Nobody else that it names: a stranger may write anybody into To, Cc or References.
    """
    if not inbound:
        return {}
    a = INBOUND_ADDRESS.c
    named: dict[int, dict[str, list[str]]] = {}
    wanted = select(a.inbound_id, a.role, a.address).where(a.inbound_id.in_(inbound), a.role.in_(("from", "reply_to")))
    for row in tx.all(wanted):
        named.setdefault(row.inbound_id, {}).setdefault(row.role, []).append(row.address)
    return {number: _answered(by_role) for number, by_role in named.items()}


def _answered(by_role: Mapping[str, Sequence[str]]) -> frozenset[str]:
    authors, elsewhere = by_role.get("from", ()), by_role.get("reply_to", ())
    if len(authors) != 1:  # no single author wrote it
        return frozenset()
    (author,) = authors
    domain = author.rpartition("@")[2]
    if len(elsewhere) != 1 or mailbox_providers.houses_strangers(domain):
        return frozenset({author})
    other = elsewhere[0].rpartition("@")[2]
    aligned = organisational_domain(other) == organisational_domain(domain)
    return frozenset({author, elsewhere[0]}) if aligned else frozenset({author})


def _read(tx: Transaction, wanted: Collection[int]) -> Sequence[Row[Any]]:
    """The received messages that are shown, oldest first."""
    i = INBOUND_MESSAGE.c
    columns = (
        i.id, i.mailbox_id, i.agent_id, i.stream_id, i.thread, i.dmarc, i.automatic, i.rfc_message_id,
        MAILBOX.c.allow,
    )  # fmt: skip
    return tx.all(
        select(*columns).join(MAILBOX, MAILBOX.c.id == i.mailbox_id).where(i.id.in_(wanted)).order_by(i.id)
    )  # fmt: skip


def _vouched(tx: Transaction, row: Row[Any], keyring: HmacKeys) -> bool:
    """Whether a received message is a DMARC pass from a contact that people have established.

    Never other people's automatic mail: a robot's answer or a list's post repeats what a stranger wrote to it.
    """
    if row.dmarc != "pass":
        return False
    a = INBOUND_ADDRESS.c
    named = tx.all(select(a.role, a.address).where(a.inbound_id == row.id, a.role.in_(("from", "sender"))))
    authors = [str(one.address) for one in named if one.role == "from"]
    if len(authors) != 1 or any('"' in one.address for one in named if one.role == "sender"):
        return False  # whoever sends a signed message again writes its envelope: a quoted name holds a whole sentence
    author = authors[0]
    if _of_this_desk(tx, author):
        if not _untainted(tx, row.rfc_message_id, keyring):
            return False
    elif row.automatic is not None:
        return False
    return _listed(tuple(row.allow or ()), author) or _consented(tx, row, author) or _approved(tx, row, author)


def _of_this_desk(tx: Transaction, author: str) -> bool:
    return tx.one(select(STREAM.c.id).where(STREAM.c.domain == author.rpartition("@")[2])) is not None


def _untainted(tx: Transaction, message_id: str | None, keyring: HmacKeys) -> bool:
    """Whether an agent of this desk wrote it before it had read anything of a stranger."""
    number = read_message_id(message_id or "", keyring)
    if number is None:
        return False
    sent = tx.one(select(MESSAGE.c.tainted_by).where(MESSAGE.c.id == number))
    return sent is not None and sent.tainted_by is None


def _listed(patterns: tuple[str, ...], author: str) -> bool:
    """Whether the mailbox's allow-list names the author, by address or by an organisation's domain."""
    return addresses.allowed(tuple(one for one in patterns if _names_somebody(one)), author)


def _names_somebody(pattern: str) -> bool:
    """Whether a pattern tells people apart: `*`, `*.com` and `*@gmail.com` stand for strangers too."""
    local, _, domain = pattern.rpartition("@")
    if domain == "*":
        return False
    return local not in {"", "*"} or _one_organisation(domain.removeprefix("*."))


def _one_organisation(domain: str) -> bool:
    """Whether one organisation has all addresses below a domain; not below a public suffix or a mailbox provider."""
    return not mailbox_providers.houses_strangers(domain) and organisational_domain(f"x.{domain}") != f"x.{domain}"


def _consented(tx: Transaction, row: Row[Any], author: str) -> bool:
    """Whether people recorded that the author asked for mail or has a contract."""
    known = consent_facts.records(
        tx.all(select(CONSENT).where(CONSENT.c.subject.in_(consent_facts.subjects([author]))))
    )
    return any(
        record.basis in {Basis.OPT_IN, Basis.CONTRACT}
        and consent.in_force(record, now=tx.now)
        and ("@" in record.subject.strip("@") or _one_organisation(record.subject.removeprefix("@")))
        for record in consent_facts.mine(known, author, stream_id=row.stream_id)
    )


def _approved(tx: Transaction, row: Row[Any], author: str) -> bool:
    """Whether a person approved earlier mail of the agent to the author, and a receiver took it.

    Mail of a tainted run does not count, not even an answer in the stranger's own thread: in a gated mode a person
    approves each of those, and the first would make the stranger a known contact for good.
    """
    m, r = MESSAGE.c, RECIPIENT.c
    sent = tx.all(
        select(m.facts)
        .select_from(
            RECIPIENT.join(MESSAGE, m.id == r.message_id).join(REVIEW, REVIEW.c.id == m.id)
        )
        .where(
            r.address == author, r.status == Status.SENT.value, m.agent_id == row.agent_id, m.test.is_(False),
            REVIEW.c.status == "released",
        )
        .order_by(m.id.desc())
        .limit(APPROVED)
    )  # fmt: skip
    return any(not one.facts.get("taint") for one in sent)
