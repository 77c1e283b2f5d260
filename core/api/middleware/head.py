"""HEAD is answered wherever GET is, as GET without what follows its headers (RFC 9110 9.3.2).

Monitors, link checkers and mail scanners ask so. One place for all routes: a handler knows nothing of it.
"""

from __future__ import annotations

import re
from typing import Final

from core.api.middleware.request_limits import App, Message, Receive, Scope, Send

_ACTIONS: Final = re.compile(r"/mailboxes/[^/]+/messages/?")
"""Reading is an action: it files an item for a reviewer or uses up a grant, and HEAD is safe (RFC 9110 9.2.1)."""


class Head:
    """Answers HEAD by the route for GET; a path without one is refused as GET would be."""

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
