"""`postroom token`: agents' short-lived tokens. Their secrets are made here; the desk gets the SHA-256."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.output import TOKEN, Output, listed, table
from core.cli.remote import handoff
from core.cli.remote.context import AnyDesk, command
from core.durations import duration, stamp
from core.errors import Invalid, Unauthenticated
from core.model import GRANTABLE, plural
from core.security import credentials
from core.security.credentials import NewSecret

app: Final = group("token")


@command(app, "issue", example="postroom token issue --agent support-bot --ttl 8h --scopes send,read")
def issue(
    desk: AnyDesk,
    *,
    agent: Annotated[str, typer.Option(help="The agent that will use it.")],
    ttl: Annotated[str, typer.Option(metavar="8h", help="Lifetime, 1m to 30d.")] = "8h",
    scopes: Annotated[str, typer.Option(metavar="send,read", help="What the token permits.")] = "send,read",
    run: Annotated[str | None, typer.Option(metavar="ID", help="Bind the token to this run.")] = None,
    user: Annotated[str | None, typer.Option(metavar="U", help="Bind the token to this person.")] = None,
    test: Annotated[
        bool, typer.Option("--test", help="A test token: everything is exercised, no mail leaves.")
    ] = False,
) -> Output:
    """Issue a token for an agent. It is printed once and cannot be shown again."""
    duration(ttl)
    named, minted = _scopes(scopes), credentials.new_agent_token()
    desk.hold_interrupts()
    made = desk.call(
        "token.issue", agent=agent, token_sha256=minted.digest.hex(), ttl=ttl, scopes=named, run=run, user=user,
        test=test,
    )  # fmt: skip
    next_step = handoff.token(desk, agent, token=minted.secret)
    return Output(made | {"token": minted.secret}, _shown_once(minted, made) + next_step)


@command(app, "enrol", example="postroom token enrol --agent support-bot --address help@support-bot.acme.com")
def enrol(
    desk: AnyDesk,
    *,
    agent: Annotated[str, typer.Option(help="The agent that will ask for a mailbox with it.")],
    address: Annotated[
        str | None, typer.Option(help="The one address it may ask for; default: the agent names it.")
    ] = None,
    ttl: Annotated[str, typer.Option(metavar="24h", help="Lifetime, 1m to 7d.")] = "24h",
) -> Output:
    """Issue a token with which an agent asks for its own mailbox. You are its owner, and sign for it later.

    The token opens nothing else. It is printed once and cannot be shown again.
    """
    duration(ttl)
    minted = credentials.new_agent_token()
    desk.hold_interrupts()
    made = desk.call("token.enrol", agent=agent, token_sha256=minted.digest.hex(), ttl=ttl, address=address)
    prompt = f"Read {made['guide']} and ask for a mailbox. Your enrolment token: {minted.secret}"
    return Output(
        made | {"token": minted.secret, "prompt": prompt},
        f"{_shown_once(minted, made)}\n\nGive the agent this prompt:\n  {prompt}",
    )


def _shown_once(minted: NewSecret, made: Mapping[str, Any]) -> str:
    return f"{minted.secret}\nIt ends {made['expires_at']} and is not shown again. Its id is {made['id']}."


def _scopes(text: str) -> list[str]:
    named = listed([text])
    if unknown := [name for name in named if name not in {*GRANTABLE}]:
        raise Invalid(f"no such scope: {', '.join(unknown)}", fix=f"the scopes are {', '.join(GRANTABLE)}")
    return list(dict.fromkeys(named))


@command(app, "delegate", example="POSTROOM_TOKEN=pra_... postroom token delegate --run nightly-7 --scopes send")
def delegate(
    desk: AnyDesk,
    *,
    run: Annotated[
        str | None, typer.Option(metavar="ID", help="The run it is for; default: the run of the parent token.")
    ] = None,
    scopes: Annotated[str, typer.Option(metavar="send,read", help="A subset of the parent token's scopes.")] = "send",
    ttl: Annotated[str, typer.Option(metavar="1h", help="Lifetime; it never outlives its parent.")] = "1h",
    user: Annotated[str | None, typer.Option(metavar="U", help="Bind the token to this person.")] = None,
) -> Output:
    """Delegate: make a narrower token from an agent's own, for one run of a sub-agent or tool. It is printed once.

    The agent's token is read from POSTROOM_TOKEN, or asked for.
    """
    duration(ttl)
    named, own = _scopes(scopes), _own_token(desk)
    minted = credentials.new_agent_token()
    desk.hold_interrupts()
    made = desk.call_as(
        own, "token.delegate", token_sha256=minted.digest.hex(), ttl=ttl, scopes=named, run=run, user=user
    )  # fmt: skip
    return Output(made | {"token": minted.secret}, _shown_once(minted, made))


def _own_token(desk: AnyDesk) -> str:
    """The agent's token: from the environment, or typed without echo. Raises `Unauthenticated`."""
    token = os.environ.get(TOKEN, "").strip()
    if not token and sys.stdin.isatty():
        with desk.asking():
            token = str(typer.prompt("The agent's token", hide_input=True, err=True)).strip()
    if not credentials.is_agents(token):
        operators = credentials.is_operators(token)
        raise Unauthenticated(
            "an operator's token cannot be delegated" if operators else "this needs an agent's token",
            fix=f"set {TOKEN}=pra_... to the agent's own; operators run postroom token issue"
        )  # fmt: skip
    return token


@command(app, "revoke", example="postroom token revoke 12 --reason 'found in a log'")
def revoke(
    desk: AnyDesk,
    *,
    token: Annotated[int, typer.Argument(metavar="ID", help="The token's id (postroom agent show).")],
    reason: Annotated[str | None, typer.Option(help="Reason, recorded in the log.")] = None,
) -> Output:
    """Revoke a token and every token delegated from it."""
    done = desk.call("token.revoke", id=token, reason=reason)
    return Output(done, f"Revoked {plural(done['revoked'], 'token')}.")


@command(app, "list", example="postroom token list --agent support-bot")
def list_tokens(
    desk: AnyDesk,
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
    before: Annotated[int | None, typer.Option(help="Only tokens with a lower id: the next page.")] = None,
) -> Output:
    """List tokens, newest first. Their secrets are not stored."""
    page = desk.call("token.list", agent=agent, cursor=before)
    rows = [(one["id"], one["agent"], ",".join(one["scopes"]), one["expires_at"], state(one)) for one in page["tokens"]]
    text = table(("TOKEN", "AGENT", "SCOPES", "ENDS", "STATE"), rows, none="no tokens yet")
    if page["next_cursor"]:
        desk.note(f"there is more: --before {page['next_cursor']}")
    return Output(page, text)


def state(token: Mapping[str, Any]) -> str:
    """Whether a token is in force, by this machine's clock."""
    alive = token["revoked_at"] is None and stamp(time.time_ns() // 1_000) < token["expires_at"]
    return "alive" if alive else "ended"
