"""Enrolment: the token that an owner issues, the agent's request for a mailbox, and finding the request again.

The request waits in the same queue as people's requests, and people sign it in the same way. Nothing that an agent
writes here grants anything: the owner is whoever issued the token, the mode is the policy's default or stricter, the
limits are those of a new mailbox or lower, and the agent's first token is issued only after the signatures
(`enrolment_claims`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from core.db import directory, signoff_queries
from core.db.directory import MailboxRecord, TokenRecord
from core.db.signoff_queries import WideningFacts
from core.db.tables import ENROLMENT, MAILBOX, TOKEN, WIDENING
from core.db.transaction import Transaction
from core.durations import DAY, MINUTE, spell
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from core.events import TokenIssued
from core.ids import read_id, spell_id
from core.model import DEFAULT_CLASSES, Actor, ContentClass, Mode, Role, Scope
from core.rules import addresses, modes
from core.rules import enrolment as rules
from core.rules.addresses import Address
from core.rules.roles import Verb
from core.services import access, context
from core.services.identity import mailbox_record, mailboxes, widenings
from core.services.identity.mailboxes import Filing
from core.services.identity.tokens import Issued
from core.services.identity.widenings import More

USUAL_LIFE: Final = DAY
SHORTEST_LIFE: Final = MINUTE
LONGEST_LIFE: Final = 7 * DAY
MOST_REQUESTS: Final = 10
"""Requests that one token may file, so that an agent in a loop cannot fill people's queue."""
USUAL_EXPIRY: Final = 90 * DAY
HIGHEST_START: Final = Mode.GATED_SEND
PREFIX: Final = "r"
"""First letter of a request's id."""
WIDENING_PREFIX: Final = "w"


# --- the token ----------------------------------------------------------------------------------------------------


def issue(
    tx: Transaction, *, agent: str, token_hash: bytes, actor: Actor, ttl: int = USUAL_LIFE, address: str | None = None
) -> Issued:
    """Issue an enrolment token for an agent, as the owner who will answer for it. `ttl` is in microseconds.

    With `address` the agent may request that one address alone. Raises `Forbidden`, `Invalid`, `Conflict`.
    """
    actor = access.require(tx, actor, Verb.TOKEN_ENROL)
    if not SHORTEST_LIFE <= ttl <= LONGEST_LIFE:
        raise Invalid(
            f"an enrolment token lives from {spell(SHORTEST_LIFE)} to {spell(LONGEST_LIFE)}, not {spell(ttl)}",
            fix="issue a short-lived one now, and another when needed",
            problems=(("ttl", f"is {spell(SHORTEST_LIFE)} to {spell(LONGEST_LIFE)}"),),
        )
    only = _parsed(address).normalised if address is not None else None
    known = directory.agent(tx.conn, agent)
    if known is not None and known.status == "suspended":
        raise Conflict(f"{agent} is suspended", fix="a token works only after governance has resumed the agent")
    others = _other_owners(tx, known.id, owner=actor.name) if known is not None else []
    if others:
        raise Forbidden(
            f"{agent} belongs to {', '.join(others)}",
            fix="ask its owner to issue the token, or choose another agent name",
        )
    agent_id = mailboxes.agent_for(tx, agent)
    assert agent_id is not None, "an agent was named"
    expires_at = tx.now + ttl
    token = tx.create(
        TOKEN,
        {
            "hash": token_hash, "agent_id": agent_id, "scopes": [Scope.REQUEST.value], "test": False,
            "issued_at": tx.now, "issued_by": actor.name, "expires_at": expires_at, "owner": actor.name,
            "address": only,
        },
    )  # fmt: skip
    tx.emit(
        TokenIssued(
            actor=str(actor), agent=agent_id, token=token, scopes=[Scope.REQUEST.value], expires_at=expires_at,
            owner=actor.name,
        )
    )  # fmt: skip
    return Issued(token, expires_at, (Scope.REQUEST,))


def _other_owners(tx: Transaction, agent_id: int, *, owner: str) -> list[str]:
    """Return who else owns an identity of this agent, of whatever status: a retired mailbox keeps its mail.

    The first token is valid for every mailbox of its agent, so no owner may obtain one for somebody else's agent.
    """
    rows = tx.all(select(MAILBOX.c.owner).where(MAILBOX.c.agent_id == agent_id))
    return sorted({row.owner or "nobody" for row in rows if (row.owner or "").casefold() != owner.casefold()})


def require_token(tx: Transaction, token: int) -> TokenRecord:
    """Return a live enrolment token of an agent that may act. Raises `Unauthenticated`, `Forbidden`, `Conflict`."""
    record = directory.token(tx.conn, token)
    if record is None or not record.alive(tx.now):
        raise Unauthenticated("the token is revoked or has expired", fix="ask your owner for another enrolment token")
    if not record.enrols or record.owner is None:
        raise Forbidden(
            "this needs an enrolment token", error="insufficient_scope",
            fix="ask the operator who owns you: postroom token enrol",
        )  # fmt: skip
    owner = directory.operator(tx.conn, record.owner)
    if owner is None or owner.disabled_at is not None or Role.OWNER not in owner.roles:
        raise Conflict(
            "the person who issued this token can no longer own a mailbox",
            fix="ask the people who run you for a token from another owner",
        )
    if record.agent_status == "suspended":
        raise Forbidden(f"{record.agent} is suspended", error="agent_suspended", fix="wait until people resume it")
    if _other_owners(tx, record.agent_id, owner=record.owner):
        raise Forbidden(
            f"{record.agent} got a mailbox of another owner after this token was issued",
            fix="ask your owner for a token under another agent name",
        )
    return record


# --- the request --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an agent asks for, as it wrote it. `expires_in` is in microseconds.

    `claim_hash` is the SHA-256 of a secret that the agent made, `fingerprint` of the whole request.
    """

    purpose: str
    systems: str
    revoke_when: str
    claim_hash: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    address: str | None = None
    owner: str | None = None
    system_owner: str | None = None
    users: str | None = None
    display_name: str | None = None
    classes: tuple[ContentClass, ...] = DEFAULT_CLASSES
    allow: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    expires_in: int | None = None


def file(tx: Transaction, *, token: int, wanted: Wanted) -> str:
    """File an agent's request for a mailbox; return its id. The same request under the same secret is filed once.

    Raises `Unauthenticated`, `Forbidden`, `NotFound`, `Invalid`, `Conflict`.
    """
    asks = require_token(tx, token)
    if (earlier := _earlier(tx, asks, wanted.fingerprint)) is not None:
        return earlier
    filing = _filing(tx, asks, wanted)
    record = mailboxes.request_by_agent(tx, filing, agent=asks.agent, token=asks.id).record
    number = tx.create(
        ENROLMENT,
        {
            "token_id": asks.id, "agent_id": asks.agent_id, "mailbox_id": record.id, "filed_at": tx.now,
            "fingerprint": wanted.fingerprint, "claim_hash": wanted.claim_hash, "refused_claims": 0,
            "refused_since": 0,
        },
    )  # fmt: skip
    return spell_id(PREFIX, number)


def widen(tx: Transaction, *, token: int, address: str, more: More) -> str:
    """File an agent's request for more than its mailbox may do; return its id. Nothing changes until people sign it.

    Raises as `file` does.
    """
    asks = require_token(tx, token)
    if (earlier := _earlier(tx, asks, more.fingerprint)) is not None:
        return earlier
    record = directory.mailbox(tx.conn, _parsed(address).normalised)
    if record is None or record.agent_id != asks.agent_id:
        raise NotFound(f"{asks.agent} has no mailbox {address[:100]!r}", fix="name your own mailbox")
    return spell_id(WIDENING_PREFIX, widenings.file(tx, record, more, asks=asks))


def _earlier(tx: Transaction, asks: TokenRecord, fingerprint: bytes) -> str | None:
    """Return the waiting request that this call repeats. Raises `Conflict` if another waits, or after too many."""
    e, w, m = ENROLMENT.c, WIDENING.c, MAILBOX.c
    waiting = tx.one(
        select(e.id, e.fingerprint)
        .join(MAILBOX, m.id == e.mailbox_id)
        .where(e.agent_id == asks.agent_id, m.status == "requested", m.requested_at == e.filed_at)
    )
    more = tx.one(
        select(w.id, w.fingerprint)
        .join(MAILBOX, m.id == w.mailbox_id)
        .where(w.agent_id == asks.agent_id, w.outcome.is_(None), m.status == "active")
    )
    for prefix, row in ((PREFIX, waiting), (WIDENING_PREFIX, more)):
        if row is not None and row.fingerprint == fingerprint:
            return spell_id(prefix, row.id)
        if row is not None:
            raise Conflict(
                f"{asks.agent} has a request that waits for signatures: {spell_id(prefix, row.id)}",
                fix="wait for its outcome; a person can veto it if it is wrong",
            )
    counts = [tx.one(select(func.count()).where(column == asks.id)) for column in (e.token_id, w.token_id)]
    if sum(row[0] for row in counts if row is not None) >= MOST_REQUESTS:
        raise Conflict(
            f"{MOST_REQUESTS} requests were filed with this token", fix="ask your owner what is wrong with them"
        )
    return None


def _filing(tx: Transaction, asks: TokenRecord, wanted: Wanted) -> Filing:
    """Return the record as people will sign it. The agent chooses neither its owner nor its mode."""
    if wanted.owner is not None and wanted.owner.strip().casefold() != (asks.owner or "").casefold():
        raise Forbidden("the owner must be the person who issued the token", fix="leave owner out of the request")
    _, policy = context.current_policy(tx)
    address = _address(tx, asks, wanted)
    return Filing(
        address=address,
        agent=asks.agent,
        owner=asks.owner,
        mode=_start_mode(policy.oversight.default_mode),
        display_name=rules.one_line("display_name", wanted.display_name) if wanted.display_name else None,
        purpose=rules.one_line("purpose", wanted.purpose),
        systems=rules.one_line("systems", wanted.systems),
        system_owner=(
            rules.one_line("system_owner", wanted.system_owner, most=rules.LONGEST_NAME)
            if wanted.system_owner
            else asks.owner
        ),
        users=rules.one_line("users", wanted.users) if wanted.users else None,
        revoke_when=rules.one_line("revoke_when", wanted.revoke_when),
        expires_at=tx.now + (wanted.expires_in or min(USUAL_EXPIRY, policy.identities.longest_life)),
        classes=tuple(dict.fromkeys(wanted.classes)) or DEFAULT_CLASSES,
        allow=rules.patterns(wanted.allow),
        limits=rules.start_limits(wanted.limits, usual=mailbox_record.common_figures(policy)),
    )


def _address(tx: Transaction, asks: TokenRecord, wanted: Wanted) -> Address:
    """Return the address asked for: the token's, or one that nobody else has had. Raises `Invalid`, `Conflict`."""
    text = wanted.address or asks.address
    if text is None:
        raise Invalid(
            "the request must name an address, because this token does not",
            fix="ask your owner which address to use",
            problems=(("address", "is missing"),),
        )
    found = _parsed(text)
    if asks.address is not None and found.normalised != asks.address:
        raise Forbidden(f"this token is for {asks.address} only", fix="leave address out of the request")
    existing = directory.mailbox(tx.conn, found.normalised)
    if existing is not None and (existing.status in ("requested", "active") or existing.agent_id != asks.agent_id):
        raise Conflict(f"{found.normalised} is taken", fix="choose another address")
    return found


def _parsed(text: str) -> Address:
    try:
        found = addresses.parse_address(text)
    except Invalid as error:
        raise Invalid(error.reason, fix=error.fix, problems=(("address", error.reason),)) from error
    rules.check_local_part(found.local)
    return found


def _start_mode(usual: Mode) -> Mode:
    """Return the policy's default mode, but never one in which mail leaves without a person."""
    return HIGHEST_START if modes.is_raise(HIGHEST_START, usual) else usual


# --- how it stands ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """A request that an agent filed, with the token that filed it. `record` is the mailbox's as it is now."""

    id: str
    row: Row[Any]
    record: MailboxRecord
    token: TokenRecord

    @property
    def current(self) -> bool:
        """Whether the mailbox's record is still the one that was requested here."""
        return bool(self.record.requested_at == self.row.filed_at and self.record.agent_id == self.row.agent_id)


def found(tx: Transaction, request: str, *, token: int) -> Request:
    """Return a request of the token's own agent and owner. Raises `NotFound`, and as `require_token`."""
    asks = require_token(tx, token)
    number = _number(PREFIX, request)
    row = tx.one(_REQUEST, {"b_id": number, "b_agent": asks.agent_id}) if number is not None else None
    filer = directory.token(tx.conn, row.token_id) if row is not None else None
    if row is None or filer is None or filer.owner != asks.owner:
        raise _not_found(request)
    return Request(spell_id(PREFIX, row.id), row, mailbox_record.found(tx, row.address), filer)


def found_widening(tx: Transaction, request: str, *, token: int) -> tuple[WideningFacts, MailboxRecord]:
    """Return a widening of the token's own agent, with its mailbox. Raises `NotFound`, and as `require_token`."""
    asks = require_token(tx, token)
    number = _number(WIDENING_PREFIX, request)
    asked = signoff_queries.widening(tx.conn, number) if number is not None else None
    if asked is None or asked.agent_id != asks.agent_id:
        raise _not_found(request)
    row = tx.one(select(MAILBOX.c.address).where(MAILBOX.c.id == asked.mailbox_id))
    assert row is not None, "a widening without a mailbox"
    return asked, mailbox_record.found(tx, row.address)


_REQUEST: Final = (
    select(ENROLMENT, MAILBOX.c.address)
    .join(MAILBOX, MAILBOX.c.id == ENROLMENT.c.mailbox_id)
    .where(ENROLMENT.c.id == bindparam("b_id"), ENROLMENT.c.agent_id == bindparam("b_agent"))
)


def _number(prefix: str, request: str) -> int | None:
    number = read_id(prefix, request)
    return number if number is not None and number < 2**31 else None


def _not_found(request: str) -> NotFound:
    return NotFound(f"there is no request {request[:20]!r} of yours", fix="file one: POST /enrolment/requests")
