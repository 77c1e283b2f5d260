"""What needs attention now, as a runbook: the same figures as on the console's first screen."""

from __future__ import annotations

from core.durations import when
from core.operations.answers import Answer
from core.operations.bodies import Nothing
from core.operations.operation import Call, Json, read
from core.operations.screens.desk_figures import DeskFigures
from core.rules.roles import Verb
from core.views.live import Need


class Attention(Answer):
    """One thing that needs attention. `did` is what the desk did by itself, `step` what a person does next.

    `id` stays the same while it lasts: `attention.acknowledge` takes it as `key`. `refused`: attempts since. `next` is
    the operation for the next step. `quiet_by`: who has acknowledged it, until `quiet_until`.
    """

    id: str
    level: str
    subject: str
    text: str
    since: str | None
    did: str
    refused: int
    step: str
    next: str
    quiet_by: str | None
    quiet_until: str | None


class AttentionNow(Answer):
    """What needs attention, worst first; what somebody has acknowledged comes last."""

    needs: list[Attention]


def now(call: Call, _request: Nothing) -> Json:
    figures = call.resources.keep(DeskFigures).changes(call.tx, "", anew=True).figures
    return {"needs": [] if figures is None else [_need(one) for one in figures.needs]}


def _need(one: Need) -> Json:
    return {
        "id": one.id, "level": one.level.word, "subject": one.subject, "text": one.text,
        "since": when(one.since), "did": one.did, "refused": one.refused, "step": one.step, "next": one.next,
        "quiet_by": one.quiet_by, "quiet_until": when(one.quiet_until),
    }  # fmt: skip


OPERATIONS = (
    read("attention.now", now, Nothing, AttentionNow, Verb.DESK_READ,
         about="What needs attention, worst first: since when, what the desk did by itself, what to do next."),
)  # fmt: skip
