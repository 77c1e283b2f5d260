"""`postroom operator`: the people at the desk, and how each gets a token that nobody else has seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, listed, store_token, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.desk_client.interface import Json
from core.durations import duration, stamp
from core.errors import Unauthenticated, Unavailable
from core.security import credentials

app: Final = group("operator")

Name = Annotated[str, typer.Argument(help="The operator's name.")]


@command(app, "add", example="postroom operator add bob --role reviewer --role oncall")
def add(
    desk: AnyDesk,
    *,
    name: Name,
    role: Annotated[list[str], typer.Option("--role", metavar="R", help="A role; may be repeated or comma-separated.")],
) -> Output:
    """Add a person, as admin. They claim a token themselves, and governance confirms its fingerprint."""
    added = desk.call("operator.add", name=name, roles=listed(role))
    return Output(
        added,
        f"Added {added['name']}, who can do nothing yet.\n"
        f"Next, {added['name']} runs: postroom operator claim {added['name']}\n"
        f"Then governance runs: postroom operator confirm {added['name']} --fingerprint ...",
    )


@command(app, "claim", example="postroom operator claim bob")
def claim(
    desk: AnyDesk,
    *,
    name: Name,
    keep: Annotated[bool, typer.Option("--keep", help="Store the token in the keyring of the OS.")] = False,
) -> Output:
    """Claim your token, printed once. It is not valid until governance has confirmed its fingerprint."""
    minted = credentials.new_operator_token()
    desk.hold_interrupts()
    claimed = desk.call_as(None, "operator.claim", name=name, token_sha256=minted.digest.hex())
    fingerprint = credentials.fingerprint(minted.digest)
    return Output(
        claimed | {"token": minted.secret},
        f"Your token, shown only once: {minted.secret}\n"
        f"Its fingerprint: {fingerprint}\n"
        f"Read the fingerprint out to a governance operator, by voice or face to face, until {claimed['expires_at']}; "
        "they run:\n"
        f"  postroom operator confirm {claimed['name']} --fingerprint {fingerprint}",
        then=_keeper(desk, minted.secret) if keep else None,
    )


def _keeper(desk: AnyDesk, secret: str) -> Callable[[], None]:
    """Store a token in the keyring once it is printed: the keyring may ask for its password, and wait for ever."""
    return lambda: store_token(desk.keyring_name, secret)


@command(app, "confirm", example="postroom operator confirm bob --fingerprint K7QX-2MBD-9F4T")
def confirm(
    desk: AnyDesk,
    *,
    name: Name,
    fingerprint: Annotated[str, typer.Option(help="As read out by the person, never as forwarded by somebody else.")],
) -> Output:
    """Confirm a person's token and roles, as governance, once they have read the fingerprint to you."""
    person = desk.call("operator.confirm", name=name, fingerprint=fingerprint)
    return Output(person, f"{person['name']} is {', '.join(person['roles'])}.")


@command(app, "rotate", example="postroom operator rotate --ttl 90d")
def rotate(
    desk: AnyDesk,
    *,
    ttl: Annotated[
        str | None, typer.Option(metavar="90d", help="Lifetime of the new token; unlimited if omitted.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Store the token in the keyring of the OS.")] = False,
) -> Output:
    """Replace your own token. The old one is revoked at once; the new one is printed once."""
    minted = credentials.new_operator_token()
    if ttl is not None:
        duration(ttl)
    desk.hold_interrupts()
    person = _rotated(desk, minted.secret, token_sha256=minted.digest.hex(), ttl=ttl)
    ends = person["token_expires_at"]
    return Output(
        person | {"token": minted.secret, "expires_at": ends, "fingerprint": credentials.fingerprint(minted.digest)},
        f"Your new token, shown only once: {minted.secret}" + (f"\nIt ends {ends}." if ends else ""),
        then=_keeper(desk, minted.secret) if keep else None,
    )


def _rotated(desk: AnyDesk, new: str, **members: Any) -> Json:
    """The operator after the rotation. If its answer was lost, the new token tells whether it took place."""
    try:
        return desk.call("operator.rotate", **members)
    except (Unauthenticated, Unavailable):  # a repeated request comes with the old token, which may have ended
        try:
            person = desk.call_as(new, "operator.me")
        except (Unauthenticated, Unavailable):
            person = None
        if person is None:
            raise
    return {name: value for name, value in person.items() if name not in ("desk", "development")}


@command(app, "revoke", example="postroom operator revoke bob --reason 'laptop stolen'")
def revoke(desk: AnyDesk, name: Name, reason: Reason) -> Output:
    """Revoke an operator's token, as admin or governance. They claim a new one, which needs confirmation again."""
    person = desk.call("operator.revoke", name=name, reason=reason)
    return Output(
        person,
        f"The token of {person['name']} is revoked. Next, they run: postroom operator claim {person['name']}",
    )


@command(app, "list", example="postroom operator list")
def list_operators(desk: AnyDesk) -> Output:
    """List operators."""
    found = desk.call("operator.list")
    now = stamp(time.time_ns() // 1_000)
    rows = [
        (one["name"], ", ".join(one["roles"]), ", ".join(one["unconfirmed"]), _state(one, now))
        for one in found["operators"]
    ]
    return Output(found, table(("NAME", "ROLES", "UNCONFIRMED", "STATE"), rows))


@command(app, "disable", example="postroom operator disable bob")
def disable(desk: AnyDesk, name: Name) -> Output:
    """Disable an operator: their token is no longer valid. Their name is never given to anyone else."""
    person = desk.call("operator.disable", name=name)
    return Output(person, f"{person['name']} is disabled.")


def _state(one: Mapping[str, Any], now: str) -> str:
    if one["disabled_at"] is not None:
        return "disabled"
    if one["claimed"]:
        ends = one["token_expires_at"]
        return "token expired" if ends is not None and ends <= now else "here"
    return "waits for confirmation" if one["claim_expires_at"] is not None else "has not claimed a token"
