"""Who is calling: the token behind `Authorization: Bearer`, an agent's or an operator's.

The database holds only SHA-256 of tokens; they are long and random, so a fast digest is enough and a look-up by digest
tells nothing by its timing.
"""

from __future__ import annotations

import hashlib

from fastapi import Request

from core.errors import Forbidden, Unauthenticated
from core.ledger import facts, people
from core.ledger.facts import TokenFacts
from core.ledger.store import Store
from core.words import Actor


class Callers:
    """Finds callers by their tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def agent(self, request: Request) -> TokenFacts:
        """The agent's token; operators cannot act as agents."""
        secret = _bearer(request)
        if secret.startswith("pro_"):
            raise Forbidden(
                "an operator's token does not act for an agent",
                error="insufficient_scope",
                fix="use an agent's token: postroom token issue",
            )
        return self._agent(secret)

    def operator(self, request: Request) -> Actor:
        """The operator with their confirmed roles; an agent's token is nobody here."""
        secret = _bearer(request)
        if secret.startswith("pra_"):
            raise Forbidden(
                "an agent's token cannot do this: it is for operators",
                error="insufficient_scope",
                fix="ask an operator",
            )
        return self._operator(secret)

    def anybody(self, request: Request) -> TokenFacts | Actor:
        """Whichever it is."""
        secret = _bearer(request)
        return self._operator(secret) if secret.startswith("pro_") else self._agent(secret)

    def _agent(self, secret: str) -> TokenFacts:
        digest = _digest(secret)

        def load() -> TokenFacts | None:
            with self._store.read() as conn:
                return facts.token_by_hash(conn, digest)

        token = self._store.recently(("token", digest), load)
        if token is None:
            raise Unauthenticated("no such token", fix="ask an operator for one: postroom token issue")
        if not token.alive(self._store.clock.now()):
            raise Unauthenticated("the token is revoked or has expired", fix="ask an operator for a new one")
        return token

    def _operator(self, secret: str) -> Actor:
        with self._store.read() as conn:
            actor = people.operator_by_token(conn, _digest(secret))
        if actor is None:
            raise Unauthenticated("no such operator's token", fix="claim one with the code an admin gave you")
        return actor


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _bearer(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("no token", fix="send Authorization: Bearer TOKEN")
    return secret.strip()
