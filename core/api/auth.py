"""Who is calling: the token behind `Authorization: Bearer`, an agent's or an operator's.

The database holds only SHA-256 of tokens; they are long and random, so a fast digest is enough and a look-up by digest
tells nothing by its timing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from fastapi import Request

from core.db import gate_queries
from core.db.gate_queries import TokenFacts
from core.db.store import Connection, Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.durations import MINUTE
from core.errors import Forbidden, Unauthenticated
from core.model import Actor
from core.rules import roles
from core.rules.roles import Verb
from core.security import credentials
from core.services import access
from core.services.identity import tokens

T = TypeVar("T")

NOTE_EVERY: Final = MINUTE
NOTED_MOST: Final = 10_000


class Authenticator:
    """Finds callers by their tokens.

    Who acts is asked again by the verb, in its transaction. Who reads is asked on the connection that reads, so that
    nobody goes on reading who has been disabled, narrowed or revoked a moment ago: doors have no other way to read.
    """

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._noted: dict[int, int] = {}

    # --- who acts ---

    def agent(self, request: Request) -> TokenFacts:
        """The agent's token; operators cannot act as agents."""
        return self._agent(_agents(request))

    def operator(self, request: Request) -> Actor:
        """The operator with their confirmed roles; an agent's token is nobody here."""
        digest = _operators(request)
        with self._store.read() as conn:
            return access.sign_in(conn, digest, now=self._store.clock.now())

    def is_operator(self, request: Request) -> bool:
        """Whether an operator's token was sent, of whatever worth: for routes that serve agents as well."""
        return credentials.is_operators(_bearer(request))

    # --- who reads ---

    @contextmanager
    def reading(self, request: Request, verb: Verb) -> Iterator[Connection]:
        """A connection for an operator who may read this. Raises `Unauthenticated`, `Forbidden`."""
        digest = _operators(request)
        with self._store.read() as conn:
            roles.check(access.sign_in(conn, digest, now=self._store.clock.now()), verb)
            yield conn

    def look(self, request: Request, verb: Verb, ask: Callable[[Transaction], T]) -> T:
        """Run a verb that only reads, for an operator who may. Raises `Unauthenticated`, `Forbidden`."""
        digest = _operators(request)

        def asked(tx: Transaction) -> T:
            roles.check(access.sign_in(tx.conn, digest, now=tx.now), verb)
            return ask(tx)

        return self._store.look(asked)

    @contextmanager
    def agent_reading(self, request: Request) -> Iterator[tuple[Connection, TokenFacts]]:
        """A connection for an agent. Raises `Unauthenticated`, `Forbidden`."""
        secret = _agents(request)
        with self._store.read() as conn:
            yield conn, self._alive(gate_queries.token_by_hash(conn, credentials.digest(secret)))

    @contextmanager
    def anybody_reading(self, request: Request, verb: Verb) -> Iterator[tuple[Connection, TokenFacts | Actor]]:
        """A connection for an agent, or for an operator who may read this. Raises `Unauthenticated`, `Forbidden`."""
        if not credentials.is_operators(_bearer(request)):
            with self.agent_reading(request) as found:
                yield found
            return
        with self.reading(request, verb) as conn:
            yield conn, access.sign_in(conn, _operators(request), now=self._store.clock.now())

    def anybody_look(
        self, request: Request, verb: Verb, ask: Callable[[Transaction, TokenFacts | Actor], T]
    ) -> T:  # fmt: skip
        """Run a verb that only reads, for an agent, or for an operator who may."""
        secret = _bearer(request)
        digest = credentials.digest(secret)

        def asked(tx: Transaction) -> T:
            if not credentials.is_operators(secret):
                return ask(tx, self._alive(gate_queries.token_by_hash(tx.conn, digest)))
            actor = access.sign_in(tx.conn, digest, now=tx.now)
            roles.check(actor, verb)
            return ask(tx, actor)

        return self._store.look(asked)

    # --- how ---

    def _agent(self, secret: str) -> TokenFacts:
        digest = credentials.digest(secret)

        def load() -> TokenFacts | None:
            with self._store.read() as conn:
                return gate_queries.token_by_hash(conn, digest)

        return self._alive(self._store.recently(("token", digest), load))

    def _alive(self, token: TokenFacts | None) -> TokenFacts:
        if token is None:
            raise Unauthenticated("no such token", fix="ask an operator for one: postroom token issue")
        if not token.alive(self._store.clock.now()):
            raise Unauthenticated("the token is revoked or has expired", fix="ask an operator for a new one")
        self._note_use(token.id)
        return token

    def _note_use(self, token: int) -> None:
        """Keep when the token was last presented, at most once in `NOTE_EVERY`: not a write for each request."""
        now = self._store.clock.now()
        noted = self._noted.get(token)
        if noted is not None and 0 <= now - noted < NOTE_EVERY:
            return
        if len(self._noted) >= NOTED_MOST:
            self._noted.clear()
        self._noted[token] = now
        # Nobody waits for it or hears of its failure: a desk that cannot note a use still answers, or says why not.
        self._writer.put(functools.partial(tokens.note_use, token=token))


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
