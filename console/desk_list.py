"""The desks that a person has saved, opened by name: `:desk NAME`, all of them at once, and a console's start.

A token is sent to its own desk alone: that of the keyring or of `POSTROOM_TOKEN_NAME`. `POSTROOM_TOKEN` belongs to the
desk that the console was started on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.cli import known_desks, output
from core.cli.known_desks import Place
from core.errors import Unauthenticated

if TYPE_CHECKING:
    from console.ports import Parts
    from core.desk_client.interface import Desk


def places() -> tuple[Place, ...]:
    """The saved desks. Raises `Invalid` if their file cannot be understood."""
    return tuple(known_desks.load().desks.values())


def open_named(name: str) -> Parts:
    """Sign in at a saved desk. Raises `NotFound`, `Unauthenticated`, and what `opened` raises."""
    place = known_desks.load().named(name)
    return opened(place, require_token(place))


def require_token(place: Place) -> str:
    """The person's token for this desk. Raises `Unauthenticated`."""
    token = output.token_of(place)
    if token is None:
        variable, where = known_desks.token_variable(place.name or ""), place.url or place.directory
        raise Unauthenticated(
            f"sign-in needed: there is no token for {place.name}",
            fix=f"set {variable}, or: postroom desk add {place.name} {where} --keep",
        )
    return token


def opened(place: Place, token: str) -> Parts:
    """Open a desk, through its gateway or on its own host. Raises `Invalid`, `Unauthenticated`, `Unavailable`."""
    if place.url is None:
        from console import local_desk  # noqa: PLC0415 - the ORM takes longer to import than the first frame may

        return local_desk.sign_in(place.directory.absolute(), token, place=place)
    from console import factory  # noqa: PLC0415 - screens and the connection, behind the first frame

    return factory.sign_in(place.url, token, place=place)


def connect(place: Place, within: float) -> Desk:
    """A desk for reading its figures, each within so many seconds. Raises `PostroomError`."""
    token = require_token(place)
    if place.url is None:
        from console import local_desk  # noqa: PLC0415 - as above
        from core.clock import SystemClock  # noqa: PLC0415

        return local_desk.connect(place.directory, token, clock=SystemClock())
    from core.desk_client import direct_desk  # noqa: PLC0415 - as above

    return direct_desk.opened(place.url, token, name=place.name, client="console", answer_within=within)
