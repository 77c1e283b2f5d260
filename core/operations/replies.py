"""What a receiving server answered, as far as somebody may see it: its words may quote a recipient."""

from __future__ import annotations

from dataclasses import replace

from core.model import Actor
from core.rules import roles
from core.rules.roles import Verb
from core.text.redaction import without_local_parts
from core.views.lanes import LaneRow


def reply_for(text: str | None, reader: Actor) -> str | None:
    """The reply: whole to whoever may read mail, without its recipients' local parts to others."""
    return text if text is None or roles.may(reader, Verb.MESSAGE_READ) else without_local_parts(text)


def lane_for(lane: LaneRow, reader: Actor) -> LaneRow:
    """The lane with its last reply as far as they may see it."""
    shown = reply_for(lane.last_reply, reader)
    return lane if shown == lane.last_reply else replace(lane, last_reply=shown)
