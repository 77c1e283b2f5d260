"""`/skill.md` and `/llms.txt`: how to use this desk, for an agent that only has its address.

Both come from one page of the documentation (`postroom docs agents`) with this desk's own URL in it. They are public,
hold no secret and say the same to everybody, so they may be cached.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final

from fastapi import FastAPI, Request, Response

from core.settings import Settings

EXAMPLE: Final = "https://desk.acme.com"
"""The URL that stands for the desk's own in the page."""
HEADERS: Final = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
MARKDOWN: Final = "text/markdown; charset=utf-8"
_ABOUT: Final = (
    "Get an email mailbox at this Postroom desk, send and receive with it, and understand its answers: held is not "
    "failed, and people decide. Use it when a task needs email."
)


def install(app: FastAPI, settings: Settings) -> None:
    """Serve both pages; they are not part of the API description."""
    url = settings.public_url.rstrip("/")
    for path, text, kind in (
        ("/skill.md", skill(url), MARKDOWN),
        ("/llms.txt", overview(url), "text/plain; charset=utf-8"),
    ):
        _serve(app, path, text.encode(), kind)


def _serve(app: FastAPI, path: str, body: bytes, kind: str) -> None:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = HEADERS | {"ETag": tag}

    async def page(request: Request) -> Response:
        """The page, or 304 if the caller has it."""
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=kind, headers=headers)

    app.add_api_route(path, page, methods=["GET"], include_in_schema=False)


def skill(url: str) -> str:
    """The page as an Agent Skill: its name and when to use it, then the text."""
    return f"---\nname: postroom-email\ndescription: {_ABOUT}\n---\n\n{_page(url)}"


def overview(url: str) -> str:
    """The page's title and first paragraph, and links, as https://llmstxt.org describes."""
    title, _, rest = _page(url).partition("\n\n")
    about = " ".join(rest.partition("\n\n")[0].split())
    links = (
        ("How to ask for a mailbox, send and read", "/skill.md", "start here"),
        ("API description", "/openapi.json", "every route, for clients"),
        ("API documentation", "/docs", "the same as a page"),
    )
    listed = "\n".join(f"- [{name}]({url}{path}): {what}" for name, path, what in links)
    return f"{title}\n\n> {about}\n\n## Documentation\n\n{listed}\n"


def _page(url: str) -> str:
    page = resources.files("core") / "docs" / "agents.md"
    return page.read_text(encoding="utf-8").replace(EXAMPLE, url)
