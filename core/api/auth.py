"""Authenticate callers by the token in `Authorization: Bearer`, an agent's or an operator's.

The database holds only SHA-256 digests of tokens. Tokens are long and random, so a fast digest is enough, and the
timing of a look-up by digest reveals nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from fastapi import Request

from core.db import gate_queries
from core.db.gate_queries import TokenFacts
from core.db.locks import OfAgents
from core.db.store import Connection, Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.durations import MINUTE
from core.errors import Forbidden, Unauthenticated
from core.model import Actor
from core.operations.operation import TokenKind
from core.rules import roles
from core.rules.roles import Verb
from core.security import credentials
from core.services import access
from core.services.identity import tokens

T = TypeVar("T")

NOTE_EVERY: Final = MINUTE
NOTED_MOST: Final = 10_000


class Authenticator:
    """Authenticate callers by their tokens.

    For writes, the service checks the caller again in its own transaction. For reads, the caller is checked on the
    connection that reads, so access ends at once for an operator or token that was disabled, narrowed or revoked.
    Routes have no other way to read.
    """

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._noted: dict[int, int] = {}

    # --- who acts ---

    def agent(self, request: Request) -> TokenFacts:
        """The agent's token. Operators cannot act as agents."""
        return self._agent(_agents(request))

    def enrolling(self, request: Request) -> TokenFacts:
        """The agent's enrolment token, which opens the routes for requesting a mailbox and no other."""
        token = self._load(_agents(request))
        if not token.enrols:
            raise Forbidden(
                "this needs an enrolment token, with which an agent asks for a mailbox",
                error="insufficient_scope",
                fix="ask your owner for one: postroom token enrol",
            )
        return token

    def any_agent(self, request: Request) -> TokenFacts:
        """The agent's token or enrolment token, for a door that both use: what it opens there is checked later."""
        return self._load(_agents(request))

    def enrolling_look(self, request: Request, ask: Callable[[Transaction, TokenFacts], T]) -> T:
        """Run a read-only function for an enrolment token, checked on the connection that reads."""
        digest = credentials.digest(_agents(request))

        def asked(tx: Transaction) -> T:
            return ask(tx, self._standing(gate_queries.token_by_hash(tx.conn, digest)))

        return self._store.look(asked)

    def operator(self, request: Request) -> Actor:
        """The operator with their confirmed roles. An agent's token is refused."""
        digest = _operators(request)
        with self._store.read() as conn:
            return access.sign_in(conn, digest, now=self._store.clock.now())

    def is_operator(self, request: Request) -> bool:
        """Whether the request carries an operator's token, valid or not: for routes that also serve agents."""
        return credentials.is_operators(_bearer(request))

    def token(self, request: Request) -> tuple[TokenKind, bytes]:
        """The kind of the caller's token and its SHA-256, for an operation, which checks it itself."""
        secret = _bearer(request)
        return TokenKind.of(secret), credentials.digest(secret)

    # --- who reads ---

    @contextmanager
    def reading(self, request: Request, verb: Verb) -> Iterator[Connection]:
        """A read connection for an operator with this permission. Raises `Unauthenticated`, `Forbidden`."""
        digest = _operators(request)
        with self._store.read() as conn:
            roles.check(access.sign_in(conn, digest, now=self._store.clock.now()), verb)
            yield conn

    def look(self, request: Request, verb: Verb, ask: Callable[[Transaction], T]) -> T:
        """Run a read-only function for an operator with this permission. Raises `Unauthenticated`, `Forbidden`."""
        digest = _operators(request)

        def asked(tx: Transaction) -> T:
            roles.check(access.sign_in(tx.conn, digest, now=tx.now), verb)
            return ask(tx)

        return self._store.look(asked)

    @contextmanager
    def agent_reading(self, request: Request) -> Iterator[tuple[Connection, TokenFacts]]:
        """A read connection for an agent. Raises `Unauthenticated`, `Forbidden`."""
        secret = _agents(request)
        with self._store.read() as conn:
            yield conn, self._alive(gate_queries.token_by_hash(conn, credentials.digest(secret)))

    @contextmanager
    def anybody_reading(self, request: Request, verb: Verb) -> Iterator[tuple[Connection, TokenFacts | Actor]]:
        """A connection for an agent or a permitted operator. Raises `Unauthenticated`, `Forbidden`."""
        if not credentials.is_operators(_bearer(request)):
            with self.agent_reading(request) as found:
                yield found
            return
        with self.reading(request, verb) as conn:
            yield conn, access.sign_in(conn, _operators(request), now=self._store.clock.now())

    def anybody_look(
        self, request: Request, verb: Verb, ask: Callable[[Transaction, TokenFacts | Actor], T]
    ) -> T:  # fmt: skip
        """Run a read-only function for an agent, or for an operator with this permission."""
        secret = _bearer(request)
        digest = credentials.digest(secret)

        def asked(tx: Transaction) -> T:
            if not credentials.is_operators(secret):
                return ask(tx, self._alive(gate_queries.token_by_hash(tx.conn, digest)))
            actor = access.sign_in(tx.conn, digest, now=tx.now)
            roles.check(actor, verb)
            return ask(tx, actor)

        return self._store.look(asked)

    # --- helpers ---

    def _agent(self, secret: str) -> TokenFacts:
        return self._sends(self._load(secret))

    def _load(self, secret: str) -> TokenFacts:
        digest = credentials.digest(secret)

        def load() -> TokenFacts | None:
            with self._store.read() as conn:
                return gate_queries.token_by_hash(conn, digest)

        return self._standing(self._store.recently(("token", digest), load))

    def _alive(self, token: TokenFacts | None) -> TokenFacts:
        """The token, if it is in force and not for enrolment. Raises `Unauthenticated`, `Forbidden`."""
        return self._sends(self._standing(token))

    def _sends(self, token: TokenFacts) -> TokenFacts:
        if token.enrols:
            raise Forbidden(
                "an enrolment token asks for a mailbox and does nothing else",
                error="insufficient_scope",
                fix="claim your own token once the request is signed: GET /skill.md says how",
            )
        return token

    def _standing(self, token: TokenFacts | None) -> TokenFacts:
        if token is None:
            raise Unauthenticated("no such token", fix="ask an operator for one: postroom token issue")
        if not token.alive(self._store.clock.now()):
            raise Unauthenticated("the token is revoked or has expired", fix="ask an operator for a new one")
        self._note_use(token)
        return token

    def _note_use(self, token: TokenFacts) -> None:
        """Record when the token was last used, at most once per `NOTE_EVERY`, to avoid a write per request."""
        now = self._store.clock.now()
        noted = self._noted.get(token.id)
        if noted is not None and 0 <= now - noted < NOTE_EVERY:
            return
        if len(self._noted) >= NOTED_MOST:
            self._noted.clear()
        self._noted[token.id] = now
        # Fire and forget: if the write fails, the request is still answered, or fails for a reason of its own.
        self._writer.put(OfAgents(functools.partial(tokens.note_use, token=token.id), frozenset({token.agent_id})))


def _agents(request: Request) -> str:
    secret = _bearer(request)
    if credentials.is_operators(secret):
        raise Forbidden(
            "an operator's token does not act for an agent",
            error="insufficient_scope",
            fix="use an agent's token: postroom token issue",
        )
    return secret


def _operators(request: Request) -> bytes:
    secret = _bearer(request)
    if credentials.is_agents(secret):
        raise Forbidden(
            "an agent's token cannot do this: it is for operators",
            error="insufficient_scope",
            fix="ask an operator",
        )
    return credentials.digest(secret)


def _bearer(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("no token", fix="send Authorization: Bearer TOKEN")
    return secret.strip()
