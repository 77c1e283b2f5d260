"""A desk for tests: one stream, one agent, one active mailbox, one token, ready to submit and claim."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from core.db import gate_queries
from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import AGENT, DESK, MAILBOX, OPERATOR, POLICY_VERSION, STREAM, TOKEN
from core.db.transaction import Transaction
from core.durations import DAY
from core.events import Event
from core.ids import Ids
from core.model import DEFAULT_CLASSES, Action, Actor, ContentClass, Mode, Role
from core.rules import policy as policies
from core.rules.addresses import parse_address
from core.rules.policy import Policy
from core.rules.signed_ids import HmacKeys
from core.services.context import ServiceContext
from core.services.sending.prepare import prepare
from core.services.sending.submission import Prepared, RunClaim, Submission
from core.services.sending.submit import RunMoved, submit
from core.services.sending.submit_result import Answer

KEYRING = HmacKeys(keys={"k1": b"0123456789abcdef0123456789abcdef"}, active="k1")
DOMAIN = "support-bot.acme.test"
ADDRESS = f"help@{DOMAIN}"


def person(name: str, *roles: Role) -> Actor:
    """An operator signed in with the token `pro_NAME`."""
    return Actor("operator", name, frozenset(roles), hashlib.sha256(f"pro_{name}".encode()).digest())


ALICE = person("alice", Role.REVIEWER, Role.ONCALL)
GAIL = person("gail", Role.GOVERNANCE)
OLIVE = person("olive", Role.OWNER)
DORA = person("dora", Role.DELIVERABILITY)
BOB = person("bob", Role.REVIEWER, Role.ONCALL)
ROOT = person("root", Role.ADMIN)
PEOPLE = (ALICE, GAIL, OLIVE, DORA, BOB, ROOT)

WIDE: dict[str, Any] = {
    "limit_run": 10**6,
    "limit_hour": 10**6,
    "limit_day": 10**6,
    "limit_new_recipients_day": 10**6,
    "limit_site_minute": 10**6,
    "limit_site_hour": 10**6,
}


@dataclass(frozen=True, slots=True)
class Bench:
    """A desk with the objects tests need."""

    store: Store
    ctx: ServiceContext
    agent_id: int
    stream_id: int
    mailbox_id: int
    token: TokenFacts

    def prepared(self, to: str | list[str] = "jane@example.com", *, implicit: bool = False, **more: Any) -> Prepared:
        """A composed message, not yet submitted."""
        listed = [to] if isinstance(to, str) else to
        fields: dict[str, Any] = {"subject": "Your refund", "text": "It is on its way.", "issued": b"{}"} | more
        run = fields.pop("run", None)
        submission = Submission(
            sender=parse_address(fields.pop("sender", ADDRESS)),
            to=tuple(parse_address(one) for one in listed),
            run=run if isinstance(run, RunClaim) else RunClaim(key=run or "run-1", user="ann@acme.test"),
            **fields,
        )
        return prepare(self.store, submission, token=self.token, ctx=self.ctx, implicit=implicit)

    def submit(self, to: str | list[str] = "jane@example.com", **more: Any) -> Answer:
        """Submit a message as the HTTP API does: again under the implicit run if the gate asks for it."""
        prepared = self.prepared(to, **more)
        try:
            return self.store.transact(lambda tx: submit(tx, prepared))
        except RunMoved:
            again = self.prepared(to, implicit=True, **more)
            return self.store.transact(lambda tx: submit(tx, again))


def make_desk(
    store: Store, *, mode: Mode = Mode.GATED_SEND, policy: Policy | None = None, warm: bool = True, **mailbox: Any
) -> Bench:
    """Create the rows that the identity services would. `mailbox` overrides columns (limits, allow, classes)."""
    now = store.clock.now()
    in_force = policy or Policy()

    def build(tx: Transaction) -> tuple[int, int, int]:
        content = policies.to_json(in_force)
        tx.create(
            POLICY_VERSION,
            {
                "content": content,
                "digest": hashlib.sha256(content.encode()).hexdigest(),
                "applied_at": now,
                "applied_by": "init",
                "reason": "first policy",
            },
        )
        tx.add(DESK, {"id": 1, "created_at": now, "policy_version": 1, "start_votes": []})
        for one in PEOPLE:
            tx.add(OPERATOR, _row(one, now))
        stream = tx.create(
            STREAM,
            {"domain": DOMAIN, "route": "smtp://127.0.0.1:2525", "created_at": now, "warm": warm, "owners": []},
        )
        agent, box = add_mailbox(tx, agent="support-bot", address=ADDRESS, stream=stream, mode=mode, **mailbox)
        return agent, stream, box

    agent_id, stream_id, mailbox_id = store.transact(build)
    token = issue(store, agent_id)
    ctx = ServiceContext(keyring=KEYRING, ids=Ids.seeded(7), chance=lambda bits: 0)
    return Bench(store, ctx, agent_id, stream_id, mailbox_id, token)


def _row(one: Actor, now: int) -> dict[str, Any]:
    return {
        "name": one.name,
        "roles": sorted(role.value for role in one.roles),
        "unconfirmed": [],
        "token_hash": one.token,
        "added_by": "init",
        "created_at": now,
    }


def hire(store: Store, *people: Actor) -> None:
    """Add more operators to the desk, confirmed and signed in."""
    now = store.clock.now()
    for one in people:
        store.transact(lambda tx, one=one: tx.create(OPERATOR, _row(one, now)))  # type: ignore[misc]  # bound now


def also(store: Store, one: Actor, *roles: Role) -> Actor:
    """The same person with additional roles."""
    new = Actor("operator", one.name, one.roles | set(roles), one.token)
    held = sorted(role.value for role in new.roles)
    store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == one.name).values(roles=held)))
    return new


def leave(tx: Transaction, event: Event) -> None:
    """Append an event as a service does that has already checked its actor's permission."""
    tx.vouch(event.actor)
    tx.emit(event)


def add_mailbox(
    tx: Transaction, *, agent: str, address: str, stream: int, mode: Mode = Mode.GATED_SEND, **more: Any
) -> tuple[int, int]:
    """Add an active mailbox of a new agent; returns (agent id, mailbox id)."""
    agent_id = tx.create(AGENT, {"name": agent, "created_at": tx.now, "suspend_figures": {}, "warned": {}})
    values: dict[str, Any] = {
        "address": address,
        "agent_id": agent_id,
        "stream_id": stream,
        "status": "active",
        "mode": mode.value,
        "mode_since": tx.now,
        "classes": [one.value for one in DEFAULT_CLASSES],
        "allow": ["*"],
        "owner": "olive",
        "requested_by": "alice",
        "requested_at": tx.now,
        "activated_at": tx.now,
        "expires_at": tx.now + 90 * DAY,
        "updated_at": tx.now,
    }
    return agent_id, tx.create(MAILBOX, values | more)


def issue(store: Store, agent_id: int, *, secret: str = "pra_test", test: bool = False, **more: Any) -> TokenFacts:
    """Issue a token of the agent, valid for a year."""
    digest = hashlib.sha256(f"{secret}{agent_id}{test}".encode()).digest()
    values: dict[str, Any] = {
        "hash": digest,
        "agent_id": agent_id,
        "scopes": ["send", "read"],
        "test": test,
        "issued_at": store.clock.now(),
        "issued_by": "gail",
        "expires_at": store.clock.now() + 365 * DAY,
    }
    store.transact(lambda tx: tx.create(TOKEN, values | more))
    with store.read() as conn:
        found = gate_queries.token_by_hash(conn, digest)
    assert found is not None
    return found


__all__ = [
    "ADDRESS", "ALICE", "BOB", "DOMAIN", "DORA", "GAIL", "OLIVE", "PEOPLE", "ROOT", "WIDE", "Action", "Bench",
    "ContentClass", "add_mailbox", "also", "hire", "issue", "leave", "make_desk", "person",
]  # fmt: skip
