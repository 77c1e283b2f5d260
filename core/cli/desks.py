"""`postroom desk`: the desks that a person uses from this machine, local or remote."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Annotated, Final

import typer

from core.cli import known_desks
from core.cli.commands import group
from core.cli.known_desks import COLOURS, Place
from core.cli.output import TOKEN, Output, forget_token, from_keyring, require_token, store_token, table
from core.cli.registration import Context, Invocation, Register
from core.cli.registration import command as register
from core.desk_client.interface import Json
from core.errors import Conflict, Invalid, Unauthenticated, Unavailable

app: Final = group("desk")

Name = Annotated[str, typer.Argument(help="The desk's name on this machine.")]


class _Notes(Context):
    """These commands work on a file of this person's own."""

    def __init__(self, one: Invocation) -> None:
        self.interactive = not one.as_json and sys.stdin.isatty()

    def close(self) -> None:
        """Nothing to release."""


def command(name: str, *, example: str) -> Register:
    return register(app, name, example=example, opened=_Notes)


@command("add", example="postroom desk add prod https://desk.acme.com --colour red --guard")
def add(
    notes: _Notes,
    *,
    name: Name,
    where: Annotated[str, typer.Argument(metavar="URL|DIR", help="The URL of its gateway, or its directory here.")],
    colour: Annotated[str | None, typer.Option(metavar="|".join(COLOURS), help="Its colour on screens.")] = None,
    word: Annotated[str | None, typer.Option(metavar="WORD", help="A word shown beside it, such as PROD.")] = None,
    guard: Annotated[
        bool, typer.Option("--guard", help="The first loosening of a session asks for the desk's name.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Store your token (POSTROOM_TOKEN, or typed) in the keyring of the OS.")
    ] = False,
    claim: Annotated[
        str | None,
        typer.Option("--claim", metavar="NAME", help="Claim a token as this person, and store it in the keyring."),
    ] = None,
) -> Output:
    """Save a desk under a name, for --desk NAME. The first one is used by default."""
    place = known_desks.made(name, where, word=word, colour=colour, guard=guard)
    if claim is not None and keep:
        raise Invalid("--claim stores a new token, --keep one that you have", fix="leave one of them out")
    token = _asked(notes, place) if keep else None
    claimed = _claimed(place, claim) if claim is not None else None
    known = known_desks.load().with_desk(place)
    current = known.current or name
    known_desks.save(known_desks.KnownDesks(known.desks, current))
    then = (lambda: store_token(_user(place), token)) if token is not None else None
    text = f"{name} is {_where(place)}." + (" It is used where nothing else says." if current == name else "")
    return Output(
        place.as_json() | {"current": current == name} | ({} if claimed is None else {"claim": claimed}),
        text if claimed is None else f"{text}\n{_how_to_confirm(claimed)}",
        then=then,  # the keyring may ask for its password, and wait for ever
    )


@command("set", example="postroom desk set prod --colour red --word LIVE --guard")
def change(
    notes: _Notes,
    *,
    name: Name,
    colour: Annotated[
        str | None, typer.Option(metavar="|".join(COLOURS), help="Its colour on screens; '' for none.")
    ] = None,
    word: Annotated[
        str | None, typer.Option(metavar="WORD", help="A word shown beside it, such as PROD; '' for none.")
    ] = None,
    guard: Annotated[
        bool | None,
        typer.Option("--guard/--no-guard", help="Whether the first loosening of a session asks for the desk's name."),
    ] = None,
) -> Output:
    """Change how a desk is shown, and whether it is guarded."""
    del notes
    if colour is None and word is None and guard is None:
        raise Invalid("nothing to change", fix="give --colour, --word, --guard or --no-guard")
    known = known_desks.load()
    place = known_desks.styled(known.named(name), word=word, colour=colour, guard=guard)
    known_desks.save(known.with_desk(place))
    shown = ", ".join(part for part in (place.word, place.colour, "guarded" if place.guard else "not guarded") if part)
    return Output(place.as_json() | {"current": name == known.current}, f"{name}: {shown}.")


@command("use", example="postroom desk use prod")
def use(notes: _Notes, name: Name) -> Output:
    """Use this desk unless --desk, --dir, POSTROOM_DESK, POSTROOM_URL, POSTROOM_DIR or the directory name another."""
    del notes
    known = known_desks.load()
    place = known.named(name)
    known_desks.save(known_desks.KnownDesks(known.desks, name))
    return Output(place.as_json() | {"current": True}, f"Commands work on {name}, {_where(place)}.")


@command("list", example="postroom desk list")
def list_desks(notes: _Notes) -> Output:
    """List the desks that are saved on this machine."""
    del notes
    known = known_desks.load()
    rows = [
        ("*" if name == known.current else "", name, _where(one), one.word, one.colour, "guarded" if one.guard else "")
        for name, one in known.desks.items()
    ]
    text = table(("", "NAME", "WHERE", "WORD", "COLOUR", ""), rows, none="no desks yet: postroom desk add NAME URL")
    desks = [one.as_json() | {"current": name == known.current} for name, one in known.desks.items()]
    return Output({"desks": desks}, text)


@command("remove", example="postroom desk remove staging")
def remove(notes: _Notes, name: Name) -> Output:
    """Forget a desk, and its token in the keyring."""
    del notes
    known = known_desks.load()
    place = known.named(name)
    known_desks.save(known.without(name))
    with contextlib.suppress(Exception):  # a keyring that cannot be opened keeps a token that nothing uses any more
        forget_token(_user(place))
    return Output({"name": name, "removed": True}, f"{name} is forgotten.")


# --- helpers ------------------------------------------------------------------------------------------------------


def _where(place: Place) -> str:
    return place.url or str(place.directory)


def _user(place: Place) -> str:
    """The name under which the keyring holds the desk's token."""
    return place.url or str(place.directory)


def _claimed(place: Place, person: str) -> Json:
    """Claim a token, which nobody sees: it is in the keyring first, and the desk gets its digest.

    Raises `Invalid` for a desk on this machine, `Conflict` for one whose token is kept already, and what the desk
    answers.
    """
    if place.url is None:
        raise Invalid("--claim is for a desk at a URL", fix=f"here: postroom operator claim {person} --keep")
    from core.desk_client import direct_desk  # noqa: PLC0415 - a connection, which no other of these needs
    from core.security import credentials  # noqa: PLC0415

    if from_keyring(place.url) is not None:
        raise Conflict(
            f"the keyring has a token for {place.url} already", fix="leave out --claim, or: postroom desk remove NAME"
        )
    minted = credentials.new_operator_token()
    store_token(place.url, minted.secret)
    if from_keyring(place.url) != minted.secret:
        raise Unavailable(
            "the OS keyring keeps nothing here; leave out --claim, then run: postroom operator claim "
            f"{person} --desk {place.name}, and set {TOKEN}"
        )
    try:
        with contextlib.closing(direct_desk.opened(place.url, None, name=place.name)) as desk:
            return desk.call("operator.claim", name=person, token_sha256=minted.digest.hex())
    except BaseException:
        forget_token(place.url)
        raise


def _how_to_confirm(claimed: Json) -> str:
    return (
        f"Your token is in the keyring. Its fingerprint: {claimed['fingerprint']}\n"
        f"Read the fingerprint out to a governance operator, by voice or face to face, until {claimed['expires_at']}; "
        f"they run:\n  postroom operator confirm {claimed['name']} --fingerprint {claimed['fingerprint']}"
    )


def _asked(notes: _Notes, place: Place) -> str:
    """Raises `Unauthenticated` if there is neither a token nor a person to ask."""
    token = os.environ.get(TOKEN, "").strip()
    if not token and notes.interactive:
        token = str(typer.prompt(f"Your token for {place.name}", hide_input=True, err=True)).strip()
    if not token:
        raise Unauthenticated("there is no token to keep", fix=f"set {TOKEN}=pro_... to yours")
    return require_token(token)
