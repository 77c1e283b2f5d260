"""Run operations for HTTP requests: `POST /v1/NAME`, and the older routes for the same acts.

An older route has its own path, body and status, as in CONTRACT.md; what it does is the operation's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request

from core.api.deps import ApiContext
from core.desk_client.refusals import CLIENT, TIGHTENS_ONLY
from core.json_body import Shape, made, read
from core.operations import named, operation
from core.operations.execution import Execution, GatewayExecutor
from core.operations.operation import Json, Operation, Resources, TokenKind
from core.services.control.read_log import EntryPoint
from core.settings import Settings

Members = Mapping[str, Any]
Translate = Callable[[Any], Members]


class OperationRunner:
    """Runs operations, for the callers of HTTP requests."""

    def __init__(self, desk: ApiContext, settings: Settings) -> None:
        self._desk = desk
        self._resources = Resources(lambda: desk.ctx.keyring, settings)
        self._executor = GatewayExecutor(desk.store, desk.writer)

    async def admit(self, request: Request, name: str) -> tuple[Operation, bytes]:
        """The operation and the SHA-256 of the caller's token, checked before the body is parsed or queued.

        So a stranger costs one look-up. The transaction that acts or reads checks again. Raises `NotFound`,
        `Unauthenticated`, `Forbidden`.
        """
        found = named(name)
        if TokenKind.NONE in found.tokens:
            return found, b""
        kind, digest = self._desk.callers.token(request)
        operation.check_token_kind(found, kind)
        await self._executor.look(functools.partial(operation.admit, operation=found, digest=digest))
        return found, digest

    async def run(self, request: Request, found: Operation, digest: bytes, body: Shape, *, key: str | None) -> Json:
        """The operation's answer to a caller who was admitted. `key` is their Idempotency-Key."""
        entry = entry_point(request)
        guarded = TIGHTENS_ONLY in request.headers
        execution = Execution(found, body, digest, entry, self._resources, key=key, tightens_only=guarded)
        note = functools.partial(self._desk.reads.operator, request, entry_point=entry)
        return await self._executor.run(execution, note=note)

    async def answer(
        self,
        request: Request,
        operation: str,
        shape: type[Shape] | None = None,
        /,
        *,
        translate: Translate | None = None,
        **path: Any,
    ) -> Json:
        """The answer to an older route: the members of its body, of that shape, are those of the operation.

        `path` are members that its path names. `translate` makes the members of the operation from a parsed body that
        differs.
        """
        found, digest = await self.admit(request, operation)
        members: dict[str, Any] = {}
        if shape is not None:
            body = read(shape, await request.body() or b"{}")
            members |= body.model_dump(exclude_unset=True) if translate is None else translate(body)
        return await self.run(request, found, digest, made(found.request, members | path), key=None)


def entry_point(request: Request) -> EntryPoint:
    """The interface that the operator uses, as their program says: for the log, and for how long they can undo."""
    client = request.headers.get(CLIENT)
    return EntryPoint(client) if client in (EntryPoint.CONSOLE, EntryPoint.CLI) else EntryPoint.HTTP
