"""Create a desk with everything a demonstration needs, using the same verbs people use.

There is no shortcut: one operator requests, three others sign, governance raises limits and issues the tokens.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import secrets as stdlib_secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.db import migrate
from core.db.store import Store
from core.db.transaction import Transaction
from core.demo import correspondents
from core.durations import DAY, HOUR
from core.model import DEFAULT_CLASSES, Actor, Clock, ContentClass, Mode, Role
from core.rules import policy as policies
from core.rules import stream_records
from core.rules.addresses import parse_address
from core.rules.issuance import Kind
from core.rules.policy import Policy
from core.rules.stream_records import Slot
from core.security import credentials, encryption
from core.security.encryption import MasterKeys
from core.services.identity import mailbox_settings, mailboxes, operators, streams, tokens
from core.services.identity.mailboxes import Filing
from core.services.identity.operators import Founder
from core.services.identity.streams import NewStream, SealedKey
from core.services.identity.tokens import Grant
from core.settings import MASTER, POLICY, TOML

PEOPLE: Final[Mapping[str, frozenset[Role]]] = {
    "root": frozenset({Role.ADMIN}),
    "alice": frozenset({Role.REVIEWER, Role.ONCALL}),
    "olive": frozenset({Role.OWNER, Role.REVIEWER}),
    "gail": frozenset({Role.GOVERNANCE}),
    "dora": frozenset({Role.DELIVERABILITY}),
    "victor": frozenset({Role.AUDITOR}),
}
OPERATORS: Final = "demo-operators.json"
"""The operators' tokens, for a console in another process than the one that created the desk."""
WIDE: Final = {
    "run": 100_000,
    "hour": 100_000,
    "day": 100_000,
    "new_recipients_day": 100_000,
    "site_minute": 6_000,
    "site_hour": 100_000,
}


@dataclass(frozen=True, slots=True)
class Cast:
    """One agent of the demonstration: its identity and how far it is trusted."""

    agent: str
    address: str
    mode: Mode
    purpose: str
    limits: Mapping[str, int | None] = field(default_factory=lambda: dict(WIDE))
    classes: tuple[ContentClass, ...] = DEFAULT_CLASSES


@dataclass(frozen=True, slots=True)
class SeededDesk:
    """The desk's directory, and the secrets of the demonstration's operators and agents."""

    directory: Path
    operators: dict[str, str] = field(repr=False)
    agents: dict[str, str] = field(repr=False)
    report_token: str = field(repr=False)
    """The token an MTA's pipe presents at POST /feedback/report."""

    def person(self, name: str) -> Actor:
        """Return one of the operators, signed in."""
        return person(name, self.operators[name])


def found(
    directory: Path, cast: Sequence[Cast], *, relay: str, clock: Clock, policy: Policy | None = None,
    protected: Sequence[str] = (), database: str | None = None,
) -> SeededDesk:  # fmt: skip
    """Create the desk. `protected` are domains that only their own agents may use."""
    report_token = stdlib_secrets.token_urlsafe(32)
    ring = _files(directory, database, report_token)
    store = Store(database or f"sqlite:///{directory / 'postroom.db'}", clock=clock)
    migrate.upgrade(store.engine)
    minted = {name: credentials.new_operator_token() for name in PEOPLE}
    founders = [Founder(name, roles, minted[name].digest) for name, roles in PEOPLE.items()]
    store.transact(lambda tx: operators.first_desk(tx, founders, policy=policy or Policy()))
    founded = SeededDesk(directory, {name: secret.secret for name, secret in minted.items()}, {}, report_token)
    _write(directory / OPERATORS, json.dumps(founded.operators))
    for domain in dict.fromkeys(one.address.partition("@")[2] for one in cast):
        owners = tuple(one.agent for one in cast if one.address.endswith(f"@{domain}"))
        stream = _stream(domain, ring, relay=relay, clock=clock, owners=owners if domain in protected else ())
        store.transact(lambda tx, new=stream: streams.add(tx, new, actor=founded.person("dora")))  # type: ignore[misc]  # bound now
    founded.agents.update({one.agent: _identity(store, one, founded) for one in cast})
    store.close()
    return founded


def person(name: str, token: str) -> Actor:
    """Return one of the operators, signed in with their token."""
    return Actor("operator", name, PEOPLE[name], credentials.digest(token))


def person_at(directory: Path, name: str) -> Actor:
    """Return one of the operators of a demonstration that another process created."""
    return person(name, token_at(directory, name))


def token_at(directory: Path, name: str) -> str:
    """Return the token of such an operator."""
    return str(json.loads((directory / OPERATORS).read_text())[name])


def _files(directory: Path, database: str | None, report_token: str) -> MasterKeys:
    directory.mkdir(parents=True, exist_ok=True)
    text = encryption.new_master_key("k1")
    _write(directory / MASTER, text)
    settings = ['name = "DEMO"', 'organisation = "Acme Example"', "[webhooks]", 'allow = ["127.0.0.1"]']
    settings += ["[feedback]", f'report_token = "{report_token}"']
    settings += ["[inbound]", f'authserv_ids = ["{correspondents.SERVER}"]']
    if database is not None:
        settings.insert(0, f'database = "{database}"')
    configured = directory / TOML
    configured.touch(mode=0o600)
    configured.write_text("\n".join(settings) + "\n")
    (directory / POLICY).write_text(policies.DEFAULT_TOML)
    return MasterKeys.parse(text)


def _write(file: Path, text: str) -> None:
    """Write a secret to a file that is never readable by others."""
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(text)


def _stream(domain: str, ring: MasterKeys, *, relay: str, clock: Clock, owners: tuple[str, ...]) -> NewStream:
    today = dt.datetime.fromtimestamp(clock.now() / 1_000_000, tz=dt.UTC).date()
    sealed = []
    slots: tuple[Slot, Slot] = ("a", "b")
    for slot in slots:
        for algorithm in streams.ALGORITHMS:
            pair = encryption.new_key_pair(algorithm)
            selector = stream_records.selector(today, slot=slot, algorithm=algorithm)
            private = ring.seal(pair.private, about=f"dkim:{domain}:{selector}")
            sealed.append(SealedKey(slot, algorithm, selector, private, pair.public))
    return NewStream(
        domain=domain, route=relay, keys=tuple(sealed), warm=True, organisation="Acme Example",
        postal_address="1 Example Street, Exampletown", protected=bool(owners), owners=owners,
    )  # fmt: skip


def sign_off(tx: Transaction, *, address: str, kind: Kind, actor: Actor) -> None:
    """Affirm the checklist; items the desk finds false are signed with a reason, as on any desk."""
    shown = mailboxes.to_sign(tx, address, kind, actor=actor)
    mailboxes.sign(
        tx,
        address,
        kind,
        actor=actor,
        affirmed=[one.code for one in shown.findings],
        overrides={one.code: "a demonstration on this machine" for one in shown.findings if one.found is False},
        reason="for the demonstration",
        digest=shown.digest,
    )


def _identity(store: Store, one: Cast, founded: SeededDesk) -> str:
    """Go through what a real identity needs: request, three signatures, raised limits, a token."""
    now = store.clock.now()
    filing = Filing(
        address=parse_address(one.address),
        agent=one.agent,
        mode=one.mode,
        purpose=one.purpose,
        owner="olive",
        system_owner="dora",
        systems="the customer database, read only",
        standing_reason="answers customers while nobody is at work",
        revoke_when="the workflow ends or its owner leaves",
        expires_at=now + 90 * DAY,
        allow=("*",),
        classes=one.classes,
    )
    store.transact(lambda tx: mailboxes.request(tx, filing, actor=founded.person("alice")))
    for kind, name in ((Kind.OWNER, "olive"), (Kind.GOVERNANCE, "gail"), (Kind.DELIVERABILITY, "dora")):
        store.transact(functools.partial(sign_off, address=one.address, kind=kind, actor=founded.person(name)))
    if one.limits:
        store.transact(
            lambda tx: mailbox_settings.change_limits(
                tx,
                one.address,
                mailbox_settings.Change(limits=one.limits),
                reason="the demonstration's traffic",
                actor=founded.person("gail"),
            )
        )
    token = credentials.new_agent_token()
    store.transact(
        lambda tx: tokens.issue(
            tx, agent=one.agent, grant=Grant(ttl=8 * HOUR), token_hash=token.digest, actor=founded.person("gail")
        )
    )
    return token.secret
