"""`postroom mcp`: a gateway's tools for MCP clients that start a program and use its stdin and stdout.

It needs no desk and no database, only a gateway's address and an agent's token.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Annotated, Final

import typer

from core.cli import output
from core.errors import Refused, Unauthenticated
from core.security import credentials

app: Final = typer.Typer()
"""The command that the root app mounts."""

URL: Final = "POSTROOM_URL"


@app.command("mcp", epilog=output.example("POSTROOM_TOKEN=pra_... postroom mcp --url https://desk.example.com"))
def mcp(
    url: Annotated[str, typer.Option(envvar=URL, help="The gateway.")] = "http://127.0.0.1:8025",
) -> None:
    """Serve a gateway's tools to an MCP client on stdin and stdout. POSTROOM_TOKEN is the agent's token."""
    token = os.environ.get(output.TOKEN, "").strip()
    if not token:
        raise Unauthenticated("this needs an agent's token", fix=f"set {output.TOKEN}=pra_...")
    if credentials.is_operators(token):
        raise Unauthenticated(
            "this is an operator's token, but the tools act for an agent", fix=f"set {output.TOKEN}=pra_..."
        )
    if importlib.util.find_spec("mcp") is None:
        raise Refused("the MCP extra is not installed", fix="pip install 'postroom[mcp]'")
    importlib.import_module("core.mcp.bridge").run(url, token)
