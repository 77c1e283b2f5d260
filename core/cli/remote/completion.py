"""What a shell offers where a command takes an id: what is held, on a desk at a URL.

One request, as long as a person waits for Tab. On the desk's own host it would cost the import of the database at every
Tab, so nothing is offered there. Whatever goes wrong, nothing is offered: a shell has no place for an error.
"""

from __future__ import annotations

import contextlib
from typing import Final

import typer

from core.cli import known_desks
from core.cli.output import plain, stored_token_at
from core.desk_client import direct_desk
from core.errors import PostroomError

MOST: Final = 100
"""Items asked for; those that wait longest come first."""


def held_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of held items that begin so, each with its agent and subject for shells that show them."""
    try:
        place = known_desks.chosen(desk=context.params.get("desk_name"), directory=context.params.get("directory"))
        token = stored_token_at(place)
        if place.url is None or token is None:
            return []
        with contextlib.closing(direct_desk.opened(place.url, token, name=place.name)) as desk:
            held = desk.call("queue.list", limit=MOST)["messages"]
    except PostroomError:
        return []
    found = [one for one in held if one["id"].startswith(incomplete.lower())]
    return [(one["id"], plain(" ".join(f"{one['agent']} {one['subject'] or ''}".split()))) for one in found]
