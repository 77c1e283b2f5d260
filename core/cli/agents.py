"""`postroom agent show` and `postroom token`: agents and their short-lived tokens. remote/agents.py has the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.cli import handoff
from core.cli.commands import group
from core.cli.context import CommandContext, command
from core.cli.output import TOKEN, Output, listed, pairs, table
from core.cli.remote.agents import Name
from core.cli.remote.agents import app as agent_app
from core.db import directory, gate_queries
from core.db.transaction import Transaction
from core.durations import duration, stamp, when
from core.errors import Invalid, NotFound, Unauthenticated
from core.model import GRANTABLE, Actor, Scope
from core.security import credentials
from core.security.credentials import NewSecret
from core.serializers import identities, people
from core.services.identity import enrolment, tokens
from core.services.identity.tokens import Grant

token_app: Final = group("token")


@command(agent_app, "show", example="postroom agent show support-bot")
def show(desk: CommandContext, name: Name) -> Output:
    """Show one agent with its mailboxes and tokens."""
    with desk.read() as conn:
        found = directory.agent(conn, name)
        if found is None:
            raise NotFound(f"there is no agent {name}", fix="postroom agent list lists them")
        mailboxes = directory.mailboxes(conn, agent=name)
        held = directory.tokens(conn, agent=name)
    shown = desk.look(lambda tx: [identities.identity(tx, mailbox) for mailbox in mailboxes])
    now = desk.now
    rows = [
        (
            one.id,
            one.parent_id,
            ",".join(one.scopes),
            one.issued_by,
            when(one.last_used_at),
            stamp(one.expires_at),
            "alive" if one.alive(now) else "ended",
        )
        for one in held
    ]
    text = "\n\n".join(
        [
            pairs(people.agent(found)),
            table(
                ("MAILBOX", "STATUS", "MODE"),
                [(mailbox.address, mailbox.status, mailbox.mode) for mailbox in mailboxes],
                none="no mailbox",
            ),
            table(("TOKEN", "FROM", "SCOPES", "ISSUED BY", "LAST USED", "ENDS", "STATE"), rows, none="no token"),
        ]
    )
    data = people.agent(found) | {
        "mailboxes": shown,
        "tokens": [people.token(one) for one in held],
    }
    return Output(data, text)


@command(token_app, "issue", example="postroom token issue --agent support-bot --ttl 8h --scopes send,read")
def issue(
    desk: CommandContext,
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
    grant = Grant(scopes=_scopes(scopes), ttl=duration(ttl), run=run, user=user, test=test)
    minted = credentials.new_agent_token()

    def verb(tx: Transaction, actor: Actor) -> dict[str, Any]:
        issued = tokens.issue(tx, agent=agent, grant=grant, token_hash=minted.digest, actor=actor)
        return people.token(directory.known_token(tx.conn, issued.token))

    desk.hold_interrupts()
    made = desk.act(verb)
    next_step = handoff.token(desk, agent, token=minted.secret)
    return Output(made | {"token": minted.secret}, _shown_once(minted, made) + next_step)


@command(token_app, "enrol", example="postroom token enrol --agent support-bot --address help@support-bot.acme.com")
def enrol(
    desk: CommandContext,
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
    life, minted = duration(ttl), credentials.new_agent_token()

    def verb(tx: Transaction, actor: Actor) -> dict[str, Any]:
        issued = enrolment.issue(
            tx, agent=agent, ttl=life, address=address, token_hash=minted.digest, actor=actor
        )  # fmt: skip
        return people.token(directory.known_token(tx.conn, issued.token))

    desk.hold_interrupts()
    made = desk.act(verb)
    prompt = (
        f"Read {desk.settings.public_url.rstrip('/')}/skill.md and ask for a mailbox. Your enrolment token: "
        f"{minted.secret}"
    )
    return Output(
        made | {"token": minted.secret, "prompt": prompt},
        f"{_shown_once(minted, made)}\n\nGive the agent this prompt:\n  {prompt}",
    )


def _shown_once(minted: NewSecret, made: Mapping[str, Any]) -> str:
    return f"{minted.secret}\nIt ends {made['expires_at']} and is not shown again. Its id is {made['id']}."


def _scopes(text: str) -> tuple[Scope, ...]:
    named = listed([text])
    if unknown := [name for name in named if name not in {*GRANTABLE}]:
        raise Invalid(f"no such scope: {', '.join(unknown)}", fix=f"the scopes are {', '.join(GRANTABLE)}")
    return tuple(Scope(name) for name in dict.fromkeys(named))


@command(token_app, "delegate", example="POSTROOM_TOKEN=pra_... postroom token delegate --run nightly-7 --scopes send")
def delegate(
    desk: CommandContext,
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
    grant = Grant(scopes=_scopes(scopes), ttl=duration(ttl), run=run, user=user)
    digest = credentials.digest(_own_token(desk))
    with desk.store.read() as conn:
        parent = gate_queries.token_by_hash(conn, digest)
    if parent is None:
        raise Unauthenticated("no agent has this token", fix="ask governance for one: postroom token issue")
    minted, actor = credentials.new_agent_token(), Actor("agent", parent.agent_name)

    def verb(tx: Transaction) -> dict[str, Any]:
        issued = tokens.delegate(tx, parent=parent.id, grant=grant, token_hash=minted.digest, actor=actor)
        return people.token(directory.known_token(tx.conn, issued.token))

    desk.hold_interrupts()
    made = desk.store.transact(verb)
    return Output(made | {"token": minted.secret}, _shown_once(minted, made))


def _own_token(desk: CommandContext) -> str:
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


@command(token_app, "revoke", example="postroom token revoke 12 --reason 'found in a log'")
def revoke(
    desk: CommandContext,
    *,
    token: Annotated[int, typer.Argument(metavar="ID", help="The token's id (postroom agent show).")],
    reason: Annotated[str | None, typer.Option(help="Reason, recorded in the log.")] = None,
) -> Output:
    """Revoke a token and every token delegated from it."""
    ended = desk.act(lambda tx, actor: tokens.revoke(tx, token=token, actor=actor, reason=reason))
    return Output(people.revoked(token, ended), f"Revoked {ended} token{'s' if ended != 1 else ''}.")


@command(token_app, "list", example="postroom token list --agent support-bot")
def list_tokens(
    desk: CommandContext,
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
    before: Annotated[int | None, typer.Option(help="Only tokens with a lower id: the next page.")] = None,
) -> Output:
    """List tokens, newest first. Their secrets are not stored."""
    with desk.read() as conn:
        found = directory.tokens(conn, agent=agent, before=before, limit=directory.PAGE + 1)
    page = people.tokens_page(found, limit=directory.PAGE)
    now = desk.now
    rows = [
        (one.id, one.agent, ",".join(one.scopes), stamp(one.expires_at), "alive" if one.alive(now) else "ended")
        for one in found[: directory.PAGE]
    ]
    text = table(("TOKEN", "AGENT", "SCOPES", "ENDS", "STATE"), rows, none="no tokens yet")
    if page["next_cursor"]:
        desk.note(f"there is more: --before {page['next_cursor']}")
    return Output(page, text)
