"""What an operation is: its name, request, answer and permissions, and the service function behind it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from core.db import gate_queries
from core.db.transaction import Transaction
from core.errors import Forbidden, Unauthenticated
from core.json_body import Shape
from core.model import Actor, Role
from core.rules import roles
from core.rules.roles import MAY, Verb
from core.rules.signed_ids import HmacKeys
from core.security import credentials
from core.services import access
from core.services.control.read_log import EntryPoint, Shown
from core.settings import Settings

Json = dict[str, Any]
R = TypeVar("R", bound=Shape)
T = TypeVar("T")


class Kind(enum.StrEnum):
    """A read changes nothing of the desk; an act is one transaction, with its events."""

    READ = "read"
    ACT = "act"


class TokenKind(enum.StrEnum):
    """Whose token an operation takes. `NONE`: it takes no token, for a person who has none yet."""

    OPERATOR = "operator"
    AGENT = "agent"
    NONE = "none"

    @classmethod
    def of(cls, token: str | None) -> TokenKind:
        """The kind of this token, of whatever worth."""
        if not token:
            return cls.NONE
        return cls.AGENT if credentials.is_agents(token) else cls.OPERATOR


OPERATORS: Final = frozenset({TokenKind.OPERATOR})
AGENTS: Final = frozenset({TokenKind.AGENT})
ANYBODY: Final = frozenset({TokenKind.NONE})
NOBODY: Final = Actor("nobody", "")
"""Who calls an operation that takes no token."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What operations need beside the database; one instance per gateway or local desk.

    `keys` is called by the few that need the desk's keys: the all-stop must not depend on a readable key file.
    """

    keys: Callable[[], HmacKeys]
    settings: Settings
    kept: dict[type[Any], Any] = field(default_factory=dict, compare=False, repr=False)

    def keep(self, kind: type[T]) -> T:
        """The one instance of this class that belongs to the gateway or local desk, made at its first use."""
        found: T | None = self.kept.get(kind)  # not `setdefault` alone, which makes an instance at every call
        if found is None:
            found = self.kept.setdefault(kind, kind())
        return found


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: its transaction, the caller with the roles they have in it, and the way in.

    `prepared` is what the operation's `prepare` returned; `batch` names the request that this item is part of.
    """

    tx: Transaction
    actor: Actor
    entry_point: EntryPoint
    resources: Resources
    prepared: Any = None
    batch: str | None = None


Prepare = Callable[[Call, Any], Callable[[], object] | None]
"""Reads what slow work needs, and returns that work (DNS, for instance), which then runs outside any transaction."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing an operator can do or read. `verbs`: any of these permissions lets a request in.

    Where there are several (raise a mode, lower a mode), the service decides which one this request needs. A read that
    shows mail or people says so by `shown`: the read is logged before it is answered. `opens` records, before the read,
    that the operator has this item in front of them. `then` is work after an act's commit, outside any transaction; its
    members are added to the answer. `each`: `run` is called for every item of the request's `ids`,
    each in a transaction of its own.
    """

    name: str
    kind: Kind
    run: Callable[[Call, Any], Mapping[str, Any]]
    request: type[Shape]
    answer: type[BaseModel]
    verbs: tuple[Verb, ...]
    about: str
    tokens: frozenset[TokenKind] = OPERATORS
    prepare: Prepare | None = None
    then: Callable[[Resources, Any, Mapping[str, Any]], Json] | None = None
    opens: Callable[[Call, Any], None] | None = None
    shown: Callable[[Any, Mapping[str, Any]], Shown | tuple[Shown, ...] | None] | None = None
    each: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        """Every role that one of the permissions lets in."""
        return frozenset().union(*(MAY[verb] for verb in self.verbs))

    @property
    def operation_id(self) -> str:
        """The name of the function in a generated client: `agentSuspend`."""
        first, *others = self.name.replace("_", ".").split(".")
        return first + "".join(word.capitalize() for word in others)


def act(
    name: str, run: Callable[[Call, R], Mapping[str, Any]], request: type[R], answer: type[BaseModel], *verbs: Verb,
    about: str, prepare: Prepare | None = None,
    then: Callable[[Resources, R, Mapping[str, Any]], Json] | None = None, tokens: frozenset[TokenKind] = OPERATORS,
) -> Operation:  # fmt: skip
    """Declare an operation that changes the desk."""
    return Operation(name, Kind.ACT, run, request, answer, verbs, about, tokens, prepare=prepare, then=then)


def act_each(
    name: str, run: Callable[[Call, R], Mapping[str, Any]], request: type[R], answer: type[BaseModel], *verbs: Verb,
    about: str,
) -> Operation:  # fmt: skip
    """Declare an act on a list of items, of which each is decided by itself. `run` gets them one by one."""
    return Operation(name, Kind.ACT, run, request, answer, verbs, about, each=True)


def read(
    name: str, run: Callable[[Call, R], Mapping[str, Any]], request: type[R], answer: type[BaseModel], *verbs: Verb,
    about: str, prepare: Prepare | None = None, opens: Callable[[Call, R], None] | None = None,
    shown: Callable[[R, Mapping[str, Any]], Shown | None] | None = None,
) -> Operation:  # fmt: skip
    """Declare an operation that only reads."""
    return Operation(name, Kind.READ, run, request, answer, verbs, about, prepare=prepare, opens=opens, shown=shown)


def admit(tx: Transaction, operation: Operation, digest: bytes) -> Actor:
    """Return who holds the token: an operator with the roles they have in this transaction, or an agent.

    The token is looked up for every call, in the transaction that acts or reads.

    Raises `Unauthenticated`, `AccessEnded`, `Forbidden`.
    """
    if TokenKind.NONE in operation.tokens:
        return NOBODY
    if TokenKind.AGENT in operation.tokens:
        return _agent(tx, digest)
    actor = access.sign_in(tx.conn, digest, now=tx.now)
    allowed = next((verb for verb in operation.verbs if roles.may(actor, verb)), operation.verbs[0])
    return access.require(tx, actor, allowed)


def _agent(tx: Transaction, digest: bytes) -> Actor:
    token = gate_queries.token_by_hash(tx.conn, digest)
    if token is None:
        raise Unauthenticated("no agent has this token", fix="ask governance for one: postroom token issue")
    if not token.alive(tx.now):
        raise Unauthenticated("the token is revoked or has expired", fix="ask governance for another")
    if token.enrols:
        raise Forbidden(
            "an enrolment token asks for a mailbox and does nothing else", error="insufficient_scope",
            fix="claim your own token once the request is signed",
        )  # fmt: skip
    return Actor("agent", token.agent_name, token=digest)


def check_token_kind(operation: Operation, kind: TokenKind) -> None:
    """Refuse a token of the wrong kind before anything is looked up. Raises `Forbidden`."""
    if kind in operation.tokens or TokenKind.NONE in operation.tokens:
        return
    if kind is TokenKind.NONE:
        raise Unauthenticated("no token", fix="send Authorization: Bearer TOKEN")
    raise Forbidden(
        f"{operation.name} is not for {kind}s: it takes {' or '.join(sorted(operation.tokens))} tokens",
        error="insufficient_scope",
        fix="ask an operator" if kind is TokenKind.AGENT else "use an agent's token: postroom token issue",
    )
