"""`postroom operator`: the people at the desk, and how each gets a token that nobody else has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, listed, store_token, table
from core.db import directory
from core.db.directory import OperatorFacts
from core.durations import duration, stamp, when
from core.security import credentials
from core.serializers import people
from core.services.identity import operators

app: Final = group("operator")

Name = Annotated[str, typer.Argument(help="The operator's name.")]


@command(app, "add", example="postroom operator add bob --role reviewer --role oncall")
def add(
    desk: CommandContext,
    *,
    name: Name,
    role: Annotated[list[str], typer.Option("--role", metavar="R", help="A role; may be repeated or comma-separated.")],
) -> Output:
    """Add a person, as admin. They claim a token themselves, and governance confirms its fingerprint."""
    added = desk.act(lambda tx, actor: operators.add(tx, name=name, roles=listed(role), actor=actor))
    return Output(
        people.operator(added),
        f"Added {added.name}, who can do nothing yet.\n"
        f"Next, {added.name} runs: postroom operator claim {added.name}\n"
        f"Then governance runs: postroom operator confirm {added.name} --fingerprint ...",
    )


@command(app, "claim", example="postroom operator claim bob")
def claim(
    desk: CommandContext,
    *,
    name: Name,
    keep: Annotated[bool, typer.Option("--keep", help="Store the token in the keyring of the OS.")] = False,
) -> Output:
    """Claim your token, printed once. It is not valid until governance has confirmed its fingerprint."""
    minted = credentials.new_operator_token()
    desk.hold_interrupts()
    person = desk.store.transact(lambda tx: operators.claim(tx, name=name, token_hash=minted.digest))
    fingerprint = credentials.fingerprint(minted.digest)
    return Output(
        people.claim(person, minted.digest) | {"token": minted.secret},
        f"Your token, shown only once: {minted.secret}\n"
        f"Its fingerprint: {fingerprint}\n"
        "Read the fingerprint out to a governance operator, by voice or face to face, until "
        f"{stamp(person.claim_expires_at or 0)}; they run:\n"
        f"  postroom operator confirm {person.name} --fingerprint {fingerprint}",
        then=_keeper(desk, minted.secret) if keep else None,
    )


def _keeper(desk: CommandContext, secret: str) -> Callable[[], None]:
    """Store a token in the keyring once it is printed: the keyring may ask for its password, and wait for ever."""
    return lambda: store_token(desk.directory, secret)


@command(app, "confirm", example="postroom operator confirm bob --fingerprint K7QX-2MBD-9F4T")
def confirm(
    desk: CommandContext,
    *,
    name: Name,
    fingerprint: Annotated[str, typer.Option(help="As read out by the person, never as forwarded by somebody else.")],
) -> Output:
    """Confirm a person's token and roles, as governance, once they have read the fingerprint to you."""
    person = desk.act(lambda tx, actor: operators.confirm(tx, name=name, fingerprint=fingerprint, actor=actor))
    return Output(people.operator(person), f"{person.name} is {', '.join(person.roles)}.")


@command(app, "rotate", example="postroom operator rotate --ttl 90d")
def rotate(
    desk: CommandContext,
    *,
    ttl: Annotated[
        str | None, typer.Option(metavar="90d", help="Lifetime of the new token; unlimited if omitted.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Store the token in the keyring of the OS.")] = False,
) -> Output:
    """Replace your own token. The old one is revoked at once; the new one is printed once."""
    minted = credentials.new_operator_token()
    life = duration(ttl) if ttl is not None else None
    desk.hold_interrupts()
    person = desk.act(lambda tx, actor: operators.rotate(tx, token_hash=minted.digest, ttl=life, actor=actor))
    ends = when(person.token_expires_at)
    return Output(
        people.operator(person)
        | {"token": minted.secret, "expires_at": ends, "fingerprint": credentials.fingerprint(minted.digest)},
        f"Your new token, shown only once: {minted.secret}" + (f"\nIt ends {ends}." if ends else ""),
        then=_keeper(desk, minted.secret) if keep else None,
    )


@command(app, "revoke", example="postroom operator revoke bob --reason 'laptop stolen'")
def revoke(desk: CommandContext, name: Name, reason: Reason) -> Output:
    """Revoke an operator's token, as admin or governance. They claim a new one, which needs confirmation again."""
    person = desk.act(lambda tx, actor: operators.revoke(tx, name=name, reason=reason, actor=actor))
    return Output(
        people.operator(person),
        f"The token of {person.name} is revoked. Next, they run: postroom operator claim {person.name}",
    )


@command(app, "list", example="postroom operator list")
def list_operators(desk: CommandContext) -> Output:
    """List operators."""
    with desk.read() as conn:
        found = directory.operators(conn)
    now = desk.now
    rows = [(one.name, ", ".join(one.roles), ", ".join(one.unconfirmed), _state(one, now)) for one in found]
    text = table(("NAME", "ROLES", "UNCONFIRMED", "STATE"), rows)
    return Output({"operators": [people.operator(one) for one in found]}, text)


@command(app, "disable", example="postroom operator disable bob")
def disable(desk: CommandContext, name: Name) -> Output:
    """Disable an operator: their token is no longer valid. Their name is never given to anyone else."""
    person = desk.act(lambda tx, actor: operators.disable(tx, name=name, actor=actor))
    return Output(people.operator(person), f"{person.name} is disabled.")


def _state(one: OperatorFacts, now: int) -> str:
    if one.disabled_at is not None:
        return "disabled"
    if one.claimed:
        return "token expired" if one.expired(now) else "here"
    return "waits for confirmation" if one.claim_hash is not None else "has not claimed a token"
