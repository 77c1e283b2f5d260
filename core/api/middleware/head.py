"""Answer HEAD for every GET route, as GET without the content (RFC 9110 9.3.2).

Monitors, link checkers and mail scanners send HEAD. Handled here once for all routes, so handlers need not deal with
it.
"""

from __future__ import annotations

import re
from typing import Final

from core.api.middleware.request_limits import App, Message, Receive, Scope, Send

_ACTIONS: Final = re.compile(r"/mailboxes/[^/]+/messages/?|/v1/events/?")
"""Reading is an action here: it files an item for a reviewer or uses up a grant, and HEAD is safe (RFC 9110 9.2.1).
A stream has no end, so HEAD of one would never be answered."""


class Head:
    """Answer HEAD through the GET route; a path without one is refused as GET would be."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or _ACTIONS.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, bare)
