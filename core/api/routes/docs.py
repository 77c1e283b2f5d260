"""`/docs`: the API description as one page without scripts.

FastAPI's own page loads its scripts from another site; they would run where an operator's token is typed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI, Response

STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#8882;padding:.7rem;overflow:auto}code{font-family:ui-monospace,monospace}"
    "summary{cursor:pointer;padding:.2rem 0}summary b{display:inline-block;width:4.5rem}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def install(app: FastAPI) -> None:
    """Serve the page at `/docs`; the page is not part of the API description."""

    async def docs() -> Response:
        """The API description as an HTML page."""
        return Response("".join(page(app.openapi())), media_type="text/html", headers=HEADERS)

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)


def page(described: Mapping[str, Any]) -> Iterator[str]:
    """Every operation with its parameters, body and responses, then the schemas they reference."""
    info = described["info"]
    title = escape(info["title"])
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
    yield f"<h1>{title}</h1><p>{escape(info.get('description', ''))}"
    yield '<p>As a file for tools: <a href="/openapi.json">openapi.json</a>.<h2>Requests</h2>'
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            yield from _operation(method.upper(), path, operation)
    yield "<h2>Shapes</h2>"
    for name, shape in sorted(described.get("components", {}).get("schemas", {}).items()):
        yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_json(shape)}</details>'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><b>{method}</b> <code>{escape(path)}</code></summary>"
    yield f"<p>{escape(operation.get('description') or operation.get('summary') or '')}"
    for one in operation.get("parameters", ()):
        where = escape(one["in"]) + (", required" if one.get("required") else "")
        yield f"<p><code>{escape(one['name'])}</code> ({where}) {escape(one.get('description', ''))}"
    if "requestBody" in operation:
        yield f"<p>Body{_json(operation['requestBody'].get('content', {}))}"
    for code, answer in operation.get("responses", {}).items():
        yield f"<p><code>{escape(code)}</code> {escape(answer.get('description', ''))} {_named(answer)}"
    yield "</details>"


def _named(answer: Mapping[str, Any]) -> str:
    """Links to the schemas of a response."""
    references = [one.get("schema", {}).get("$ref", "") for one in answer.get("content", {}).values()]
    names = [escape(one.rpartition("/")[2]) for one in references if one]
    return " ".join(f'<a href="#{name}">{name}</a>' for name in names)


def _json(value: object) -> str:
    return f"<pre><code>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</code></pre>"
