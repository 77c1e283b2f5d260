"""Sign-off checklists: for each item, what the desk itself found, as shown to the signer.

The desk states a result only for what it has checked. Its NO appears on the sheet as plainly as a yes, and what it
cannot determine is left to the signer, with the facts to judge by. The sheet has a digest, so that a signature can name
what was shown and not only the record that was signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, assert_never

import orjson
from sqlalchemy import exists, select

from core.db import directory, gate_queries, signoff_queries
from core.db.directory import MailboxRecord
from core.db.tables import AGENT, LOG_ENTRY, MAILBOX, MESSAGE, RECIPIENT, STREAM_KEY, TOKEN
from core.db.transaction import Transaction
from core.domains import organisational_domain
from core.durations import SECOND, spell, stamp
from core.events import Data
from core.model import UNSUBSCRIBE_CLASSES, Feedback, Role, Status
from core.rules import identity_findings, issuance
from core.rules.identity_findings import DrillResult
from core.rules.issuance import Finding, Item, Kind
from core.services import context
from core.services.identity import mailbox_record, streams
from core.services.identity.sender_checks import Look, Lookups
from core.services.sending import limits

NAMED: Final = 3
"""Agents listed by name."""
LATEST: Final = 200
"""Messages of a mailbox searched for feedback: enough to see that it comes back, cheap on a large desk."""
BOXES: Final = 20
EVERYONE: Final = frozenset({"*", "*@*"})


@dataclass(frozen=True, slots=True)
class Sheet:
    """A checklist as shown: its record, and what the desk found, in the order of the checklist."""

    record: MailboxRecord
    kind: Kind
    findings: tuple[Finding, ...]
    widening: bool = False
    """Whether an active mailbox's agent asks for more, and the record is as it would be."""

    @property
    def digest(self) -> str:
        """SHA-256 of what is shown: the record, the kind of signature, each finding."""
        found = [[one.code, one.found, one.detail] for one in self.findings]
        return sha256(orjson.dumps([self.record.digest, self.kind.value, found])).hexdigest()

    @property
    def by_code(self) -> dict[str, Finding]:
        return {one.code: one for one in self.findings}

    def items(self) -> Iterator[tuple[Item, Finding]]:
        """Yield each item with what the desk found about it."""
        yield from zip(issuance.CHECKLISTS[self.kind], self.findings, strict=True)


@dataclass(frozen=True, slots=True)
class Answers:
    """A completed checklist, as it is stored and logged."""

    checklist: dict[str, Data]
    findings: dict[str, Data]
    reasons: dict[str, str]

    def as_columns(self) -> dict[str, Any]:
        """The columns of a signature's row."""
        return {"checklist": self.checklist, "findings": self.findings, "reasons": self.reasons}


def answers(shown: Sheet, *, affirmed: Collection[str], overrides: Mapping[str, str] | None) -> Answers:
    """Answer each item of a sheet. Raises `ChecklistOpen`, `Invalid`."""
    reasons = {code: " ".join(why.split()) for code, why in (overrides or {}).items()}
    found = issuance.answers(shown.kind, shown.by_code, affirmed=affirmed, reasons=reasons)
    return Answers(
        checklist={code: by.value for code, by in found.items()},
        findings={one.code: {"found": one.found, "detail": one.detail} for one in shown.findings},
        reasons=reasons,
    )


def sheet(tx: Transaction, record: MailboxRecord, kind: Kind, lookups: Lookups | None = None) -> Sheet:
    """Build the sheet for a signer of this kind. `lookups` holds results from outside the database, None for none."""
    match kind:
        case Kind.OWNER:
            found = _for_owner(record)
        case Kind.GOVERNANCE:
            found = _for_governance(tx, record)
        case Kind.DELIVERABILITY:
            found = _for_deliverability(tx, record, lookups or Lookups())
        case _:
            assert_never(kind)
    looked = {one.code: one for one in found}
    return Sheet(record, kind, tuple(looked.get(item.code, Finding(item.code)) for item in issuance.CHECKLISTS[kind]))


# --- the owner ----------------------------------------------------------------------------------------------------


def _for_owner(record: MailboxRecord) -> list[Finding]:
    """What the record says. Only the owner knows whether it is the whole truth, so nothing here is a yes."""
    writes = "anyone" if EVERYONE & {*record.allow} else ", ".join(record.allow) or "nobody"
    users = f"{_sentence(record.users)} " if record.users else "The record does not name them. "
    why_unattended = _sentence(record.standing_reason) if record.standing_reason else "The record gives no reason."
    return [
        Finding("purpose", detail=_sentence(record.purpose or "The record gives no purpose")),
        Finding("systems", detail=_sentence(f"{record.systems}; their owner is {record.system_owner}")),
        Finding("users", detail=f"{users}It may write to {writes}."),
        Finding("standing_identity", detail=f"{why_unattended} Its mode is {record.mode}."),
    ]


# --- governance ---------------------------------------------------------------------------------------------------


def _for_governance(tx: Transaction, record: MailboxRecord) -> list[Finding]:
    return [
        _ownership(tx, record),
        Finding("naming", detail=f"{record.agent} writes as {record.address}."),
        _credentials(tx, record),
        _expiration(tx, record),
        _logging(tx, record),
        _revocation(tx, record),
    ]


def _ownership(tx: Transaction, record: MailboxRecord) -> Finding:
    answers, kept = _owner_signed(tx, record), _kept_mail(tx, record)
    if kept is None:
        return answers
    return replace(
        answers, found=False if kept.found is False else answers.found, detail=f"{answers.detail} {kept.detail}"
    )


def _kept_mail(tx: Transaction, record: MailboxRecord) -> Finding | None:
    """What the agent of a retired address that is requested again will read, and whose mail it was."""
    count = mailbox_record.kept_mail(tx, record.id) if record.status == "requested" else 0
    if not count:
        return None
    c = LOG_ENTRY.c
    of_owner = (c.mailbox == record.id, c.type == "mailbox.owner_approved", c.at <= record.requested_at)
    signed = tx.one(select(c.actor).where(*of_owner).order_by(c.seq.desc()).limit(1))
    mail = f"its {count:,} message(s) are kept, and {record.agent} will read them."
    if signed is None:
        return Finding("ownership", detail=f"The address existed before: {mail}")
    owner = str(signed.actor).rpartition(":")[2]
    same = owner.casefold() == (record.owner or "").casefold()
    return Finding("ownership", found=None if same else False, detail=f"The address belonged to {owner} before: {mail}")


def _owner_signed(tx: Transaction, record: MailboxRecord) -> Finding:
    person = directory.operator(tx.conn, record.owner or "")
    if person is None or person.disabled_at is not None or Role.OWNER not in person.roles:
        return Finding("ownership", found=False, detail=f"{record.owner} is not an active operator with role owner.")
    for signed in signoff_queries.signoffs(tx.conn, record.id):
        if signed.kind == Kind.OWNER and signed.approved and not mailbox_record.outdated(record, signed):
            return Finding("ownership", found=True, detail=f"{signed.operator} signed as owner at {stamp(signed.at)}.")
    return Finding("ownership", detail=f"{record.owner} has not signed as owner yet.")


def _credentials(tx: Transaction, record: MailboxRecord) -> Finding:
    c = TOKEN.c
    is_live = (c.agent_id == record.agent_id, c.revoked_at.is_(None), c.expires_at > tx.now)
    rows = tx.all(select(c.issued_at, c.expires_at).where(*is_live))
    if not rows:
        return Finding("credential_type", detail=f"{record.agent} holds no token yet.")
    longest = max(row.expires_at - row.issued_at for row in rows)
    lives = spell(longest // SECOND * SECOND)
    detail = f"{record.agent} holds {len(rows)} live token(s); the longest was issued for {lives}."
    return Finding("credential_type", detail=detail)


def _expiration(tx: Transaction, record: MailboxRecord) -> Finding:
    most = context.current_policy(tx)[1].identities.longest_life
    ends = record.expires_at
    if ends is None:
        return Finding("expiration", found=False, detail="The record has no expiry date.")
    detail = f"It expires {stamp(ends)}; the policy allows {spell(most)} from now."
    return Finding("expiration", found=ends <= tx.now + most, detail=detail)


def _logging(tx: Transaction, record: MailboxRecord) -> Finding:
    """Look up this identity's first entry in the log by its id. No setting turns the log off."""
    c = LOG_ENTRY.c
    query = select(c.seq).where(c.mailbox == record.id, c.type == "mailbox.requested").order_by(c.seq).limit(1)
    entry = tx.one(query)
    if entry is None:
        return Finding("logging", found=False, detail="The log has no entry for its request.")
    return Finding(
        "logging", found=True, detail=f"Its first request is entry {entry.seq}; no setting turns the log off."
    )


def _revocation(tx: Transaction, record: MailboxRecord) -> Finding:
    c = LOG_ENTRY.c
    of_agent = (c.agent == record.agent_id, c.message.is_(None), c.type == "identity.drilled")
    drilled = tx.one(select(c.at, c.data).where(*of_agent).order_by(c.seq.desc()).limit(1))
    ends = f"It ends early when: {_sentence(record.revoke_when or 'not stated')}"
    if drilled is None:
        return Finding("revocation_path", detail=f"{ends} Revocation has never been drilled for {record.agent}.")
    outcome = orjson.loads(drilled.data)
    result = identity_findings.drill_result(outcome["failures"], outcome.get("unreached", ()))
    result_text = "is incomplete" if result is DrillResult.INCOMPLETE else result.value
    detail = f"{ends} The last drill, {stamp(drilled.at)}, {result_text}."
    return Finding("revocation_path", found=result is DrillResult.PASSED, detail=detail)


# --- deliverability -----------------------------------------------------------------------------------------------


def _for_deliverability(tx: Transaction, record: MailboxRecord, lookups: Lookups) -> list[Finding]:
    return [
        _subdomain(tx, record, lookups.zone),
        _keys(tx, record, lookups.published),
        _limits(tx, record),
        _suppression(tx, record, lookups.unsubscribe),
        _feedback(tx, record, lookups.feedback),
        Finding("classes", detail=f"It may send {', '.join(record.classes)}."),
    ]


def _subdomain(tx: Transaction, record: MailboxRecord, zone: Look) -> Finding:
    """Check that no other agent sends from the domain.

    Receivers judge a domain by all its mail, so all agents on it share the blame.
    """
    code, domain = "subdomain_own", record.domain
    others, requesting = _sharing(tx, record, "active"), _sharing(tx, record, "requested")
    more = f" {_agents(requesting)} asked for addresses on it." if requesting else ""
    if others:
        send = "sends" if len(others) == 1 else "send"
        return Finding(code, found=False, detail=f"{_agents(others)} {send} from {domain} as well.{more}")
    if record.protected:
        return Finding(code, detail=f"{domain} is protected: it carries mail that agents must not put at risk.{more}")
    if domain == organisational_domain(domain):  # only a person can tell whether it is used for other mail
        return Finding(code, detail=f"{domain} looks like a whole organisation's domain.{more} {zone.detail}".rstrip())
    alone = f"No other agent sends from {domain}.{more}"
    return Finding(
        code, found=None if requesting and zone.found else zone.found, detail=f"{alone} {zone.detail}".rstrip()
    )


def _sharing(tx: Transaction, record: MailboxRecord, status: str) -> list[str]:
    """Return the other agents with an address on this stream."""
    c = MAILBOX.c
    query = (
        select(AGENT.c.name)
        .join(MAILBOX, c.agent_id == AGENT.c.id)
        .where(c.stream_id == record.stream_id, c.agent_id != record.agent_id, c.status == status)
    )
    if status == "active":
        query = query.where((c.expires_at.is_(None)) | (c.expires_at > tx.now))
    return [row.name for row in tx.all(query.distinct().order_by(AGENT.c.name))]


def _agents(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"1 other agent ({names[0]})"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} other agents ({', '.join(names[:NAMED])}{more})"


def _keys(tx: Transaction, record: MailboxRecord, published: Look) -> Finding:
    c = STREAM_KEY.c
    keys = tx.all(select(c.slot, c.algorithm).where(c.stream_id == record.stream_id, c.retired_at.is_(None)))
    have = {(row.slot, row.algorithm) for row in keys}
    required = [(slot, algorithm) for slot in streams.SLOTS for algorithm in streams.ALGORITHMS]
    missing = [f"slot {slot} {algorithm}" for slot, algorithm in required if (slot, algorithm) not in have]
    if missing:
        return Finding("keys_published", found=False, detail=f"The stream has no key for {', '.join(missing)}.")
    return Finding("keys_published", found=published.found, detail=published.detail)


def _limits(tx: Transaction, record: MailboxRecord) -> Finding:
    """Compare the caps with the policy's: a person judges higher ones. A daily cap above the warm-up is found false."""
    _, policy = context.current_policy(tx)
    usual = mailbox_record.common_figures(policy)
    caps = {name: getattr(record, f"limit_{name}") for name in mailbox_record.LIMITS}
    above = [f"{name} {n:,} (policy {usual[name]:,})" for name, n in caps.items() if (n or 0) > usual[name]]
    warmup = limits.warm_up_cap(tx, gate_queries.gate(tx, record.id), policy) if record.agent_id is not None else None
    age = "The stream is warm." if warmup is None else f"Its stream's warm-up now allows {warmup:,} a day."
    if not above:
        return Finding("limits", found=True, detail=f"No cap is above the policy's. {age}")
    too_early = warmup is not None and (caps["day"] or 0) > warmup
    detail = f"Above the policy: {', '.join(above)}. {age}"
    return Finding("limits", found=False if too_early else None, detail=detail)


def _suppression(tx: Transaction, record: MailboxRecord, unsubscribe: Look) -> Finding:
    code, scope = "suppression_connected", context.current_policy(tx)[1].suppression.scope
    detail = f"Every delivery checks the suppression list; a bounce or complaint counts for the whole {scope}."
    offers = sorted(UNSUBSCRIBE_CLASSES & {*record.classes})
    if not offers:
        return Finding(code, found=True, detail=f"{detail} Its classes need no unsubscribe link.")
    return Finding(code, found=unsubscribe.found, detail=f"{detail} For {', '.join(offers)}: {unsubscribe.detail}")


def _feedback(tx: Transaction, record: MailboxRecord, way: Look) -> Finding:
    """Confirm feedback only once some has arrived: a channel that is set up proves nothing yet."""
    code = "feedback_connected"
    if way.found is False:
        return Finding(code, found=False, detail=way.detail)
    if _feedback_received(tx, record.stream_id):
        return Finding(code, found=True, detail=f"Feedback on mail of {record.domain} has come back.")
    return Finding(code, detail=f"{way.detail} Nothing has come back for {record.domain} yet.")


def _feedback_received(tx: Transaction, stream_id: int) -> bool:
    """Return whether feedback arrived on mail of this stream after its receiver had accepted it."""
    m, r = MESSAGE.c, RECIPIENT.c
    mailboxes = tx.all(select(MAILBOX.c.id).where(MAILBOX.c.stream_id == stream_id).order_by(MAILBOX.c.id).limit(BOXES))
    back = (r.feedback.in_([one.value for one in Feedback]), r.status == Status.SENT.value)
    for mailbox in mailboxes:
        latest = select(m.id).where(m.mailbox_id == mailbox.id).order_by(m.id.desc()).limit(LATEST).subquery()
        found = exists().where(r.message_id == latest.c.id, *back)
        if tx.one(select(latest.c.id).where(found).limit(1)) is not None:
            return True
    return False


def _sentence(text: str) -> str:
    """End foreign text with a full stop, so that the text after it does not seem part of it."""
    sentence = " ".join(text.split())
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
