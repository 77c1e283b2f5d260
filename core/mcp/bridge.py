"""`postroom mcp`: a server on stdin and stdout that forwards every request to a gateway's `/mcp`.

For clients that can only start a program. It holds no state and decides nothing. Stdout carries the protocol; errors go
to stderr.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

import anyio
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)

from core.desk_client.urls import bearer, checked_url, crosses_network
from core.errors import PostroomError, Refused, Unavailable

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""
LONGEST: Final = 150.0
"""Seconds for an answer: wait_for_email takes up to 120."""
_RESERVED: Final = "io.modelcontextprotocol/"
"""The part of `_meta` that belongs to one connection: each side has its own."""
_PING: Final = {"jsonrpc": "2.0", "id": 0, "method": "ping"}

Context = ServerRequestContext[Any, Any]


def run(url: str, token: str) -> None:
    """Serve until stdin ends. Raises `Invalid`, `Refused` or `Unavailable` if the gateway cannot be used."""
    base = checked_url(url)
    # The SDK reads stdin in a thread that cannot be interrupted: without this, Ctrl-C would wait for the next line.
    before = signal.signal(signal.SIGINT, _leave)
    try:
        anyio.run(_bridge, f"{base}/mcp", token)
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    os._exit(INTERRUPTED)


async def _bridge(url: str, token: str) -> None:
    headers = {"Authorization": bearer(token)}
    timeout = httpx2.Timeout(30.0, read=LONGEST)
    async with httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=crosses_network(url)) as http:
        refusal = await _tried(http, url)
        if refusal is not None:
            raise refusal
        async with Client(streamable_http_client(url, http_client=http), cache=None) as gateway:
            server = _Passing(gateway, url).server
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())


async def _tried(http: httpx2.AsyncClient, url: str) -> PostroomError | None:
    """Return why the gateway cannot be used, in its own words; None if it can."""
    try:
        answer = await http.post(url, json=_PING, headers={"Accept": "application/json"})
    except httpx2.HTTPError as error:
        return Unavailable(f"no gateway answers at {url} ({error}): start it, or set POSTROOM_URL to its address")
    except (httpx2.InvalidURL, ValueError) as error:
        return Refused(f"{url} is not a URL ({error})", fix="set POSTROOM_URL, such as http://127.0.0.1:8025")
    if answer.is_success:
        return None
    try:
        problem = answer.json()
        return Refused(str(problem["reason"]), fix=problem.get("fix"))
    except (ValueError, KeyError, TypeError):
        return Refused(f"{url} answers {answer.status_code}, which is no gateway's answer", fix="check POSTROOM_URL")


class _Passing:
    """A server whose tools are the gateway's."""

    def __init__(self, gateway: Client, url: str) -> None:
        self._gateway = gateway
        self._url = url
        info = gateway.server_info
        self.server: Server[Any] = Server(
            info.name if info is not None else "postroom",
            version=info.version if info is not None else "",
            title=info.title if info is not None else None,
            instructions=gateway.instructions,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def _list(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        del context
        try:
            return await self._gateway.list_tools(cursor=params.cursor if params is not None else None)
        except Exception as error:
            raise self._failed(error) from error

    async def _call(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        meta: Any = _passed_on(context.meta)
        try:
            return await self._gateway.call_tool(params.name, params.arguments, meta=meta)
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> MCPError:
        if isinstance(error, MCPError):
            return error
        return MCPError(code=INTERNAL_ERROR, message=f"the gateway at {self._url} does not answer: {error}")


def _passed_on(meta: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a client says of a call: its trace, not its connection."""
    kept = {name: value for name, value in (meta or {}).items() if not name.startswith(_RESERVED)}
    kept.pop("progressToken", None)
    kept.pop("progress_token", None)
    return kept
