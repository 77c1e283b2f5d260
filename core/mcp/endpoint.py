"""`/mcp`: the checks before a body is read, and the metadata that tells a client which token it needs.

The SDK sees a request only after Origin, token and size are checked. It is imported for the first request that passes:
a desk whose agents use plain HTTP neither waits for the import nor keeps it in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from core.api.deps import ApiContext
from core.api.errors import of_error, problem, request_id
from core.api.middleware.allowed_hosts import Hosts
from core.api.middleware.request_limits import App, Receive, Scope, Send
from core.api.openapi import answer_json
from core.errors import Invalid, PostroomError
from core.model import Scope as TokenScope
from core.settings import Settings

log = structlog.get_logger("mcp")

PATH: Final = "/mcp"
METADATA: Final = "/.well-known/oauth-protected-resource"
CHECKED: Final = "postroom.token"
"""Where the request's scope holds the checked token."""
MAX_BODY: Final = 2 * 2**20
"""Bytes of a request. It is parsed in the event loop; larger mail goes to POST /emails/send, which parses elsewhere."""
_EXTRA: Final = "pip install 'postroom[mcp]'"


def installed() -> bool:
    """Whether the SDK can be imported."""
    return importlib.util.find_spec("mcp") is not None


class McpEndpoint:
    """The MCP endpoint of a gateway."""

    def __init__(self, app: FastAPI, desk: ApiContext, settings: Settings) -> None:
        """Add the routes to `app`. Raises `Invalid` if MCP is enabled but the SDK is not installed."""
        wanted = settings.mcp.enabled
        self._installed = installed()
        if wanted and not self._installed:
            raise Invalid("mcp.enabled is true, but the MCP extra is not installed", fix=_EXTRA)
        self._open = self._installed if wanted is None else wanted
        self._app = app
        self._desk = desk
        self._resource = f"{settings.public_url.rstrip('/')}{PATH}"
        self._metadata = f"{settings.public_url.rstrip('/')}{METADATA}{PATH}"
        self._hosts = Hosts(_nowhere, settings=settings)
        self._transport: asyncio.Task[App] | None = None
        self._over = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        app.router.routes.insert(0, Route(PATH, endpoint=self))  # the last of a hundred routes is found late
        for path in (METADATA, METADATA + PATH):
            app.router.routes.append(Route(path, endpoint=self._described, methods=["GET"]))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the SDK's sessions until the gateway stops."""
        self._over.clear()
        try:
            yield
        finally:
            self._over.set()
            if self._serving is not None:
                await self._serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = self._refusal(request)
        except PostroomError as error:
            answer = of_error(error, request_id(request))
            if answer.status_code == 401:
                answer.headers["www-authenticate"] = self._challenge(request)
        if answer is not None:
            await answer(scope, receive, send)
            return
        transport = await self._loaded()
        # RFC 9110 5.5: white space around a value is not part of it; the parser leaves it, and the SDK compares values.
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        await transport(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        """Return the refusal of a request, or None if the SDK may read it. Raises `Unauthenticated`, `Forbidden`."""
        if not self._open:
            return self._closed(request)
        if not self._from_here(request):
            return problem(
                403, error="wrong_origin", reason="this desk does not answer requests from pages of other sites",
                request_id=request_id(request), fix="call it from a program, or from a page under public_url",
            )  # fmt: skip
        request.scope[CHECKED] = self._desk.callers.any_agent(request)
        if request.method != "POST":
            # Stateless: there is no stream to listen to and no session to end.
            answer = problem(
                405, error="method_not_allowed", reason="MCP requests are POST", request_id=request_id(request)
            )
            answer.headers["allow"] = "POST"
            return answer
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > MAX_BODY:
            return problem(
                413, error="too_large", reason=f"the request is larger than {MAX_BODY:,} bytes",
                request_id=request_id(request), fix="send large attachments by POST /emails/send, or as links",
            )  # fmt: skip
        return None

    def _closed(self, request: Request) -> Response:
        if self._installed:
            return problem(
                404, error="not_found", reason="this desk does not serve MCP: mcp.enabled is false in postroom.toml",
                request_id=request_id(request),
            )  # fmt: skip
        return problem(
            501, error="not_installed", reason="this desk cannot serve MCP: the extra postroom[mcp] is not installed",
            request_id=request_id(request), fix=f"{_EXTRA}, then start the gateway again",
        )  # fmt: skip

    def _from_here(self, request: Request) -> bool:
        """Whether no page sent the request, or one of this desk (MCP, Streamable HTTP, security warning)."""
        origins = request.headers.getlist("origin")
        return all(self._hosts.names(urlsplit(one).hostname or "", request.scope) for one in origins)

    def _challenge(self, request: Request) -> str:
        error = 'error="invalid_token", ' if request.headers.get("authorization") else ""
        return f'Bearer {error}resource_metadata="{self._metadata}"'

    async def _described(self, request: Request) -> Response:
        """Metadata of the protected resource (RFC 9728). There is no authorization server: operators issue tokens."""
        if not self._open:
            return self._closed(request)
        return answer_json(
            200,
            {
                "resource": self._resource,
                "resource_name": "Postroom",
                "scopes_supported": [one.value for one in TokenScope],
                "bearer_methods_supported": ["header"],
            },
        )

    async def _loaded(self) -> App:
        """The SDK's transport, started at the first request that needs it."""
        if self._transport is None:
            self._transport = asyncio.create_task(self._start())
        return await asyncio.shield(self._transport)

    async def _start(self) -> App:
        # The import takes half a second, in which the event loop must go on.
        server = await asyncio.to_thread(importlib.import_module, "core.mcp.server")
        manager = server.manager(self._app, self._desk, most=MAX_BODY)
        started = asyncio.Event()

        async def serve() -> None:
            async with manager.run():
                started.set()
                await self._over.wait()

        self._serving = asyncio.create_task(serve())
        await started.wait()
        log.info("serving MCP", path=PATH)
        handler: App = manager.handle_request
        return handler


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
