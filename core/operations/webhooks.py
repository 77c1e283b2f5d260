"""Webhook events that were never delivered."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from core.json_body import AddressText, Shape
from core.operations.answers import Answer
from core.operations.bodies import Limit, Number, mailbox_address
from core.operations.operation import Call, Json, act, read
from core.rules.roles import Verb
from core.services.notify import dead_letters


class DeadRequest(Shape):
    """A page of one mailbox or of all; `after` is the last one's id."""

    mailbox: AddressText | None = None
    after: Number = 0
    limit: Limit = 100


class ReplayRequest(Shape):
    """Either `ids` of dead letters, or a `mailbox` of which all are sent again, at most a thousand."""

    ids: Annotated[list[Number], Field(max_length=1_000)] = Field(default_factory=list)
    mailbox: AddressText | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ReplayRequest:
        if bool(self.ids) == (self.mailbox is not None):
            raise ValueError("give either ids or a mailbox")
        return self


def list_dead(call: Call, request: DeadRequest) -> Json:
    mailbox = mailbox_address(request.mailbox) if request.mailbox else None
    found = dead_letters.listed(call.tx, mailbox=mailbox, after=request.after, limit=request.limit)
    return {"dead": [one.as_json() for one in found]}


def replay(call: Call, request: ReplayRequest) -> Json:
    if request.mailbox is not None:
        address = mailbox_address(request.mailbox)
        return {"replayed": dead_letters.replay_mailbox(call.tx, address, actor=call.actor)}
    return {"replayed": dead_letters.replay(call.tx, [*dict.fromkeys(request.ids)], actor=call.actor)}


# --- answers ----------------------------------------------------------------------------------------------------------


class DeadLetters(Answer):
    """Events that a webhook's receiver never accepted."""

    dead: list[dict[str, Any]]


class Replayed(Answer):
    """How many are sent again."""

    replayed: int


OPERATIONS = (
    read("webhook.dead", list_dead, DeadRequest, DeadLetters, Verb.AUDIT_READ,
         about="Events whose webhook delivery was abandoned, oldest first."),
    act("webhook.replay", replay, ReplayRequest, Replayed, Verb.WEBHOOK_REPLAY,
        about="Send dead letters again, ahead of newer events."),
)  # fmt: skip
