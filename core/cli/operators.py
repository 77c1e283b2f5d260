"""`postroom operator`: who is at the desk, and how they come to a token that nobody else has seen."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core import minting
from core.cli import spelling
from core.cli.frame import Said, group, keep_token, listed, table
from core.cli.seat import Seat, command
from core.flow import operators
from core.ledger import people
from core.words import stamp

app: Final = group("operator", "People at the desk: add, confirm, claim, list, disable.")

Name = Annotated[str, typer.Argument(help="The operator's name.")]


@command(app, "add", example="postroom operator add bob --role reviewer --role oncall")
def add(
    seat: Seat,
    *,
    name: Name,
    role: Annotated[list[str], typer.Option("--role", metavar="R", help="A role; may be repeated, or with commas.")],
) -> Said:
    """Add a person, as admin. They trade the one-time code for a token of their own: postroom operator claim."""
    minted = minting.new_claim_code()
    added = seat.act(
        lambda tx, actor: operators.add(tx, name=name, roles=listed(role), claim_hash=minted.digest, actor=actor)
    )
    waits = f" {', '.join(added.unconfirmed)} count once governance runs postroom operator confirm {added.name}."
    return Said(
        spelling.operator(added) | {"code": minted.secret},
        f"Added {added.name}.{waits if added.unconfirmed else ''}\n"
        f"Their one-time code, good until {stamp(added.claim_expires_at or 0)}: {minted.secret}",
    )


@command(app, "confirm", example="postroom operator confirm olive")
def confirm(seat: Seat, name: Name) -> Said:
    """Let the roles count that an admin alone may not grant, as governance."""
    person = seat.act(lambda tx, actor: operators.confirm(tx, name=name, actor=actor))
    return Said(spelling.operator(person), f"{person.name} is {', '.join(person.roles)}.")


@command(app, "claim", example="postroom operator claim prc_...")
def claim(
    seat: Seat,
    *,
    code: Annotated[str, typer.Argument(help="The one-time code you were given.")],
    keep: Annotated[bool, typer.Option("--keep", help="Let the keyring of the OS keep the token.")] = False,
) -> Said:
    """Trade a one-time code for a token of your own. It is shown this once."""
    minted = minting.new_operator_token()
    person = seat.store.transact(
        lambda tx: operators.claim(tx, claim_hash=minting.digest(code.strip()), token_hash=minted.digest)
    )
    if keep:
        keep_token(seat.directory, minted.secret)
    return Said(
        {"name": person.name, "roles": [*person.roles], "token": minted.secret},
        f"You are {person.name}. Your token, shown this once: {minted.secret}",
    )


@command(app, "list", example="postroom operator list")
def list_operators(seat: Seat) -> Said:
    """The people of this desk."""
    with seat.read() as conn:
        found = people.operators(conn)
    rows = [
        (
            one.name,
            ", ".join(one.roles),
            ", ".join(one.unconfirmed),
            "disabled" if one.disabled_at else "here" if one.claimed else "has not claimed a token",
        )
        for one in found
    ]
    text = table(("NAME", "ROLES", "UNCONFIRMED", "STATE"), rows)
    return Said({"operators": [spelling.operator(one) for one in found]}, text)


@command(app, "disable", example="postroom operator disable bob")
def disable(seat: Seat, name: Name) -> Said:
    """Their token opens nothing any more; their name stays theirs."""
    person = seat.act(lambda tx, actor: operators.disable(tx, name=name, actor=actor))
    return Said(spelling.operator(person), f"{person.name} is disabled.")
