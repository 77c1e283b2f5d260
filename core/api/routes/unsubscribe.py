"""One-click unsubscribe (RFC 8058): a page that changes nothing, and a POST that needs only its token.

Mail scanners and previews follow every link, so GET only shows a button (RFC 8058 1). The POST comes from a mail
provider's server or from that button; for both, the URL is the whole proof, and neither logs in.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
from string import Template
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import errors
from core.errors import TooLarge, Unavailable
from core.rules import signed_ids
from core.services.feedback import ingest
from core.services.feedback.ingest import Leaving
from core.settings import Settings

MAX_BODY: Final = 1024
"""Bytes. `List-Unsubscribe=One-Click` is 26, as multipart/form-data a few hundred."""

_STYLE: Final = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem;color:#1a1a1a;"
    "background:#fff}h1{font-size:1.5rem}button{font:inherit;padding:.75rem 1.5rem;border:2px solid #1a1a1a;"
    "border-radius:.25rem;background:#1a1a1a;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #06c;"
    "outline-offset:3px}@media(prefers-color-scheme:dark){body{color:#eee;background:#111}"
    "button{background:#eee;color:#111;border-color:#eee}}"
)
_PAGE: Final = Template(
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    f"<title>$title</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>$title</h1>\n"
    "<p>$text</p>\n$form</main>\n</body>\n</html>\n"
)
# Without an action the form posts to the page's own address, so the token is in no second place.
_FORM: Final = (
    '<form method="post">\n<input type="hidden" name="List-Unsubscribe" value="One-Click">\n'
    '<button type="submit">Unsubscribe</button>\n</form>\n'
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # The URL is the proof: keep it out of Referer headers and caches.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class Unsubscribe:
    """The routes under /u/."""

    def __init__(self, desk: ApiContext, settings: Settings) -> None:
        self._desk = desk
        self._organisation = settings.organisation
        self.router = APIRouter(tags=["recipients"])
        self._routes()

    async def _show(self, token: str) -> Response:
        """A page with a button. Changes nothing."""
        marked = signed_ids.read_unsubscribe_token(token, self._desk.ctx.keyring)
        if marked is None:
            return _unknown()
        message_id, n = marked
        # The recipient's record was purged, or the database is down: the button shows only what is certain.
        found = None
        with contextlib.suppress(Unavailable):
            found = self._desk.store.look(lambda tx: ingest.leaving(tx, message_id, n))
        return _page(200, "Unsubscribe", self._asked(found), form=_FORM)

    def _asked(self, one: Leaving | None) -> str:
        if one is None:
            return f"Stop mail of this kind from {self._organisation} to your address?"
        sender = one.organisation or self._organisation
        match one.reach:
            case "commercial":
                return (
                    f"Stop offers from {sender} ({one.domain}) to your address? Messages about what you asked for, "
                    "such as receipts, will still come."
                )
            case "stream":
                return f"Stop all mail from {sender} ({one.domain}) to your address?"
            case _:
                return f"Stop all mail from {sender} to your address?"

    def _done(self, one: Leaving) -> str:
        sender = one.organisation or self._organisation
        match one.reach:
            case "commercial":
                return (
                    f"{sender} will send you no more offers from {one.domain}. Messages about what you asked for, "
                    "such as receipts, will still come."
                )
            case "stream":
                return f"{sender} will send you no more mail from {one.domain}."
            case _:
                return f"{sender} will send you no more mail."

    async def _leave(self, request: Request, token: str) -> Response:
        """Unsubscribe at once; idempotent."""
        await _read_away(request)
        marked = signed_ids.read_unsubscribe_token(token, self._desk.ctx.keyring)
        if marked is None:
            return _unknown()
        message_id, n = marked
        try:
            done = await self._desk.writer.do(lambda tx: ingest.unsubscribe(tx, message_id, n))
        except Unavailable as error:
            answer = _page(503, "Please try again", "This cannot be written down now. Nothing changed yet.", form=_FORM)
            answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        if done is None:
            return _unknown()
        return _page(200, "You are unsubscribed", self._done(done))

    def _routes(self) -> None:
        page: dict[str, Any] = {"content": {"text/html": {"schema": {"type": "string"}}}}
        responses: dict[int | str, dict[str, Any]] = {
            200: {"description": "a page", **page},
            404: {"description": "a page: the address is none of ours", **page},
        }
        open_ = {"security": list[Any]()}
        form = {
            "type": "object",
            "properties": {"List-Unsubscribe": {"type": "string", "enum": ["One-Click"]}},
        }
        body = {"required": False, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
        add = self.router.add_api_route
        add(
            "/u/{token}", self._show, methods=["GET"], response_class=Response, responses=responses, openapi_extra=open_
        )
        add(
            "/u/{token}", self._leave, methods=["POST"], response_class=Response,
            responses=responses | errors(413) | {503: {"description": "a page: try again", **page}},
            openapi_extra=open_ | {"requestBody": body},
        )  # fmt: skip


async def _read_away(request: Request) -> None:
    """Read and ignore the body: the POST itself is the request (RFC 8058 3.2). Raises `TooLarge`."""
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > MAX_BODY:
            raise TooLarge(f"the request is larger than {MAX_BODY:,} bytes")


def _unknown() -> Response:
    return _page(
        404, "This link does not work", "It may be incomplete. Open it again from the message, or reply to the message."
    )


def _page(http: int, title: str, text: str, *, form: str = "") -> Response:
    content = _PAGE.substitute(title=html.escape(title), text=html.escape(text), form=form)
    return Response(content, status_code=http, media_type="text/html", headers=_HEADERS)
