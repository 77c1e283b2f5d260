"""A relay as people name it on a command line: its URL, its password, what SPF must name so that it may send."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

import typer

from core.cli.remote.context import AnyDesk
from core.errors import Invalid
from core.rules.providers import registry
from core.smtp.credentials import checked, first_line
from core.smtp.route import Route, is_loopback

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the relay's password from standard input; no encoding needed.")
]
Provider = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Whose relay it is: {', '.join(registry.PROVIDERS)} or {registry.NONE}. Default: recognised by its host.",
    ),
]
Spf = Annotated[
    str | None,
    typer.Option(
        metavar="TERMS", help="What SPF must name so that the relay may send, such as include:_spf.relay.example."
    ),
]


def parted(desk: AnyDesk, relay: str, *, from_stdin: bool) -> tuple[str, str | None]:
    """The route without its password, which is sealed, and the password."""
    route = Route.parse(relay)
    if from_stdin:
        if route.kind != "relay" or not route.username or route.password:
            raise Invalid("--password-stdin needs a user in the URL, and no password", fix="smtp://USER@HOST:587")
        if route.tls == "none" and not is_loopback(route.host):
            raise Invalid("the password would cross the network in clear text", fix="leave out tls=none")
        typed = getpass.getpass("The relay's password: ") if sys.stdin.isatty() else first_line(sys.stdin.read())
        return relay, checked(typed)
    if not route.password:
        return relay, None
    desk.note(
        "The password was on the command line, where every local user can read it: "
        "use --password-stdin, and change it at the relay if this machine is shared."
    )
    parts = urlsplit(relay.strip())
    user, _, place = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}@{place}")), route.password


def asked_for_spf(desk: AnyDesk, route: str, provider: str) -> str | None:
    """Ask a person at a terminal; a program is not asked, and `stream dns` lists what is open."""
    parsed = Route.parse(route)
    provider_known = provider != registry.NONE or parsed.kind == "direct"
    if provider_known or not desk.interactive:
        return None
    near = is_loopback(parsed.host)
    sender = "what the relay on this machine sends from" if near else parsed.host
    with desk.asking():
        desk.note(f"Receivers let {sender} send for this domain if SPF names it; whoever runs it says how.")
        question = "SPF terms, such as include:_spf.relay.example (empty: not known yet)"
        answer: str = typer.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None
